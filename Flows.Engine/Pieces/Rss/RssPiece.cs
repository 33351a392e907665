using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Rss;

/// <summary>Feeds: RSS 2.0 (https://www.rssboard.org/rss-specification), RSS 1.0 and Atom (RFC 4287).</summary>
internal sealed partial class RssPiece() : Piece("rss", "RSS", "Starts a flow for each new item of a feed.")
{
    public override IReadOnlyList<PieceTrigger> Triggers => [new NewItem()];

    internal sealed record NewItemInput(string Url);

    /// <param name="Id">The item's guid or id; its link where it has none.</param>
    /// <param name="Published">As ISO text in UTC; null when the feed gives no time that can be read.</param>
    internal sealed record Item(string Id, string Title, string? Link, string? Author, string? Published, string? Summary, string? Content, IReadOnlyList<string> Categories, Feed Feed);
    internal sealed record Feed(string Title, string? Link);

    private sealed class NewItem() : PollingTrigger<NewItemInput>("new_item", "New item", "Starts once for each item that appears in an RSS or Atom feed.", """
        { "id": "https://example.com/posts/1", "title": "Hello", "link": "https://example.com/posts/1", "author": "Ada", "published": "2026-03-29T07:30:00Z",
          "summary": "A first post.", "content": "<p>A first post.</p>", "categories": ["news"], "feed": { "title": "Example", "link": "https://example.com" } }
        """, RssJson.Default)
    {
        protected override IReadOnlyList<PropDescription> OwnProps { get; } =
            [Prop.Text("url", "Address of the feed", required: true, help: "https://example.com/feed.xml")];

        // The validators of the last answer are the cursor; what is new the flow's own marks tell, because feeds have no order to rely on.
        protected override async Task<TriggerEvents> PollAsync(NewItemInput input, RawJson? cursor, PieceContext context, CancellationToken cancel)
        {
            var (text, seen) = await FeedRequest.GetAsync(input.Url, cursor, context, cancel);
            if (text is null)
                return new TriggerEvents([], seen);
            var items = FeedReader.Read(text, cancel);
            // Feeds have the newest first; runs start oldest first. Of a feed with too many the newest count.
            return new TriggerEvents(
                [.. items.Take(TriggerEvents.MostItems).Reverse().Select(item => new TriggerItem(item.Id, Written(item)))], seen);
        }
    }

    private static RawJson Written(Item item) =>
        RawJson.FromUtf8(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(item, RssJson.Default.Item));

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(NewItemInput))]
    [JsonSerializable(typeof(Item))]
    private sealed partial class RssJson : JsonSerializerContext;
}

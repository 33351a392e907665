using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Rss;

/// <summary>Reads RSS 2.0, RSS 1.0 and Atom. Elements are found by their local names: feeds are careless with namespaces.</summary>
internal static class FeedReader
{
    private const int MostCharacters = 10_000_000;
    private const int MostDepth = 100;

    /// <returns>The items in the order of the feed; those without guid, id and link, which nothing could be told apart by, are left out.</returns>
    /// <exception cref="PieceException">It is no feed.</exception>
    public static List<RssPiece.Item> Read(byte[] document, CancellationToken cancel)
    {
        var root = Parse(document, cancel);
        var isAtom = root.Name.LocalName == "feed";
        var channel = isAtom ? root : Child(root, "channel");
        if (channel is null || root.Name.LocalName is not ("rss" or "RDF" or "feed"))
            throw PieceException.Final($"this is no RSS or Atom feed: its outermost element is <{root.Name.LocalName}>.");
        var feed = new RssPiece.Feed(Text(channel, "title") ?? "", isAtom ? AtomLink(channel) : Text(channel, "link"));
        // RSS 1.0 has its items beside the channel.
        var items = isAtom ? Children(channel, "entry") : Children(channel, "item").Concat(Children(root, "item"));
        return [.. items.Select(item => isAtom ? OfAtom(item, feed) : OfRss(item, feed)).Where(item => item.Id.Length > 0)];
    }

    private static RssPiece.Item OfRss(XElement item, RssPiece.Feed feed)
    {
        var link = Text(item, "link");
        return new RssPiece.Item(
            Text(item, "guid") ?? link ?? "", Text(item, "title") ?? "", link, Text(item, "author") ?? Text(item, "creator"),
            Moment(Text(item, "pubDate") ?? Text(item, "date")), Text(item, "description"), Text(item, "encoded"),
            [.. Children(item, "category").Select(category => category.Value.Trim()).Where(text => text.Length > 0)], feed);
    }

    private static RssPiece.Item OfAtom(XElement entry, RssPiece.Feed feed)
    {
        var link = AtomLink(entry);
        return new RssPiece.Item(
            Text(entry, "id") ?? link ?? "", Text(entry, "title") ?? "", link, Child(entry, "author") is { } author ? Text(author, "name") : null,
            Moment(Text(entry, "published") ?? Text(entry, "updated")), Text(entry, "summary"), Text(entry, "content"),
            [.. Children(entry, "category").Select(category => category.Attribute("term")?.Value ?? "").Where(text => text.Length > 0)], feed);
    }

    private static string? AtomLink(XElement of)
    {
        var links = Children(of, "link").ToList();
        return (links.Find(link => link.Attribute("rel") is null or { Value: "alternate" }) ?? links.FirstOrDefault())?.Attribute("href")?.Value;
    }

    private static string? Moment(string? text) =>
        text is not null && DateTimeOffset.TryParse(Offset(text), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)
            : null;

    // RFC 822 names its zones; .NET knows GMT only.
    private static string Offset(string text) => text switch
    {
        _ when text.EndsWith(" UT", StringComparison.Ordinal) || text.EndsWith(" UTC", StringComparison.Ordinal) => text[..text.LastIndexOf(' ')] + " GMT",
        _ when text.EndsWith(" EST", StringComparison.Ordinal) => text[..^3] + "-05:00",
        _ when text.EndsWith(" EDT", StringComparison.Ordinal) => text[..^3] + "-04:00",
        _ when text.EndsWith(" PST", StringComparison.Ordinal) => text[..^3] + "-08:00",
        _ when text.EndsWith(" PDT", StringComparison.Ordinal) => text[..^3] + "-07:00",
        _ => text,
    };

    private static XElement? Child(XElement of, string name) => Children(of, name).FirstOrDefault();

    private static IEnumerable<XElement> Children(XElement of, string name) => of.Elements().Where(element => element.Name.LocalName == name);

    // Of several with one name (media:title, itunes:author) the feed's own comes first.
    private static string? Text(XElement of, string name)
    {
        var found = Children(of, name).ToList();
        var text = (found.Find(element => element.Name.Namespace == of.Name.Namespace) ?? found.FirstOrDefault())?.Value.Trim();
        return string.IsNullOrEmpty(text) ? null : text;
    }

    private static XElement Parse(byte[] document, CancellationToken cancel)
    {
        // Document types are skipped unread: old feeds have one, and none is needed.
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Ignore,
            XmlResolver = null,
            MaxCharactersInDocument = MostCharacters,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            CheckDepth(document, settings, cancel);
            using var reader = XmlReader.Create(new MemoryStream(document), settings);
            return XDocument.Load(reader).Root ?? throw PieceException.Final("the feed is empty.");
        }
        catch (XmlException error)
        {
            throw PieceException.Final($"the feed is not XML: something is wrong at {error.LineNumber}:{error.LinePosition}.");
        }
    }

    // XElement.Value goes down recursively: a feed of a million levels must not take the stack.
    private static void CheckDepth(byte[] document, XmlReaderSettings settings, CancellationToken cancel)
    {
        using var reader = XmlReader.Create(new MemoryStream(document), settings);
        while (reader.Read())
        {
            cancel.ThrowIfCancellationRequested();
            if (reader.Depth > MostDepth)
                throw PieceException.Final($"the feed is nested more than {MostDepth} levels deep.", StepErrorCodes.Limit);
        }
    }
}

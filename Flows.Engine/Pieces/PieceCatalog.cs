using Flows.Engine.Pieces.Crypto;
using Flows.Engine.Pieces.Csv;
using Flows.Engine.Pieces.Data;
using Flows.Engine.Pieces.Date;
using Flows.Engine.Pieces.Email;
using Flows.Engine.Pieces.Files;
using Flows.Engine.Pieces.GitHub;
using Flows.Engine.Pieces.GoogleSheets;
using Flows.Engine.Pieces.GraphQl;
using Flows.Engine.Pieces.Http;
using Flows.Engine.Pieces.Json;
using Flows.Engine.Pieces.List;
using Flows.Engine.Pieces.Manual;
using Flows.Engine.Pieces.Numbers;
using Flows.Engine.Pieces.OpenAi;
using Flows.Engine.Pieces.Postgres;
using Flows.Engine.Pieces.Redis;
using Flows.Engine.Pieces.Rss;
using Flows.Engine.Pieces.Schedule;
using Flows.Engine.Pieces.Slack;
using Flows.Engine.Pieces.Storage;
using Flows.Engine.Pieces.Telegram;
using Flows.Engine.Pieces.Text;
using Flows.Engine.Pieces.Twilio;
using Flows.Engine.Pieces.Webhook;
using Flows.Engine.Pieces.Xml;

namespace Flows.Engine.Pieces;

/// <summary>Every piece of this engine. An explicit list: a piece is in when it stands here.</summary>
internal sealed class PieceCatalog
{
    /// <summary>Alphabetical.</summary>
    public static PieceCatalog All { get; } = new(
    [
        new CryptoPiece(),
        new CsvPiece(),
        new DataPiece(),
        new DatePiece(),
        new EmailPiece(),
        new FilePiece(),
        new GitHubPiece(),
        new GoogleSheetsPiece(),
        new GraphQlPiece(),
        new HttpPiece(),
        new JsonPiece(),
        new ListPiece(),
        new ManualPiece(),
        new MathPiece(),
        new OpenAiPiece(),
        new PostgresPiece(),
        new RedisPiece(),
        new RssPiece(),
        new SchedulePiece(),
        new SlackPiece(),
        new StoragePiece(),
        new TelegramPiece(),
        new TextPiece(),
        new TwilioPiece(),
        new WebhookPiece(),
        new XmlPiece(),
    ]);

    private readonly Dictionary<(string Piece, string Action), PieceAction> _actions = [];

    public PieceCatalog(IReadOnlyList<Piece> pieces)
    {
        Pieces = pieces;
        foreach (var piece in pieces)
        {
            foreach (var action in piece.Actions)
                _actions.Add((piece.Name, action.Name), action);
        }
    }

    public IReadOnlyList<Piece> Pieces { get; }

    public Piece? Find(string piece) => Pieces.FirstOrDefault(known => known.Name == piece);

    public PieceAction? FindAction(string piece, string action) => _actions.GetValueOrDefault((piece, action));
}

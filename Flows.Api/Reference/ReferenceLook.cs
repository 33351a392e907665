namespace Flows.Api.Reference;

/// <summary>How the reference looks, and the little that moves in it: the search, and buttons that copy.</summary>
internal static class ReferenceLook
{
    public const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d9dee5;--card:#fff;--back:#f3f5f8;--go:#2457c5;--code:#eef1f6;--get:#15603a;--post:#2457c5;--put:#8a5200;--delete:#b3261e}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa4b1;--line:#363d47;--card:#1d2229;--back:#14181d;--go:#8ab0ff;--code:#262d37;--get:#7bd6a5;--post:#8ab0ff;--put:#f0bd6d;--delete:#ff9d95}}
        *{box-sizing:border-box}html{scroll-padding-top:1rem}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
        article{display:grid;grid-template-columns:21rem minmax(0,1fr)}a{color:var(--go);text-underline-offset:2px}
        nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);background:var(--card)}
        nav h2{font-size:.95rem;margin:1rem 0 .25rem}nav ul{list-style:none;margin:0;padding:0}nav li a{display:grid;grid-template-columns:3.6rem 1fr;gap:.4rem;padding:.2rem .3rem;border-radius:6px;font-size:.87rem;text-decoration:none;color:var(--ink)}
        nav li a:hover{background:var(--code)}nav h2 a{color:var(--ink);text-decoration:none}.brand{font-weight:700;margin:0}.brand a{color:var(--ink);text-decoration:none}
        .find{margin:.8rem 0 0}.find label{display:block;font-size:.85rem;color:var(--soft)}.find input{width:100%;font:inherit;color:inherit;background:var(--back);border:1px solid var(--soft);border-radius:8px;padding:.45rem .6rem}
        #count{font-size:.8rem;color:var(--soft)}kbd{font:inherit;border:1px solid var(--line);border-radius:4px;padding:0 .3rem}
        .all{padding:1.5rem clamp(1rem,3vw,3rem) 30vh;max-width:66rem}h1{font-size:1.7rem;margin:0 0 .5rem}.tag>h2{font-size:1.35rem;margin:2.5rem 0 .25rem}
        .operation{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem 1.25rem;margin:1rem 0}.operation:target{outline:2px solid var(--go)}
        h3{font-size:1rem;margin:0;overflow-wrap:anywhere}h4{font-size:.85rem;margin:1rem 0 .25rem;color:var(--soft)}.summary{font-weight:600;margin:.4rem 0}p{margin:.4rem 0}.self{text-decoration:none}
        .verb{font-size:.75rem;letter-spacing:.02em}.get{color:var(--get)}.post{color:var(--post)}.put,.patch{color:var(--put)}.delete{color:var(--delete)}.good{color:var(--get)}.must{font-size:.75rem;color:var(--delete);font-weight:600}.soft{color:var(--soft)}
        table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-top:1px solid var(--line)}th{color:var(--soft);font-weight:600;font-size:.8rem}td{overflow-wrap:anywhere}.field{width:26%}.type{width:26%}
        code{font:.88em/1.5 ui-monospace,monospace;background:var(--code);border-radius:4px;padding:.05rem .25rem}pre{position:relative;background:var(--code);border-radius:8px;padding:.75rem 1rem;margin:.4rem 0;overflow:auto;max-height:28rem}pre code{background:none;padding:0}
        pre button{position:absolute;top:.4rem;right:.4rem;font:inherit;font-size:.78rem;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.1rem .5rem;cursor:pointer}
        summary{cursor:pointer;color:var(--go);font-size:.88rem}:focus-visible{outline:3px solid var(--go);outline-offset:2px}[hidden]{display:none!important}
        @media(max-width:60rem){article{display:block}nav{position:static;height:auto;max-height:45vh;border-right:0;border-bottom:1px solid var(--line)}}
        """;

    public const string Script = """
        const box = document.getElementById("find"), count = document.getElementById("count");
        const entries = [...document.querySelectorAll("[data-words]")], groups = [...document.querySelectorAll("[data-group]")], rest = [...document.querySelectorAll("[data-rest]")];
        box.parentElement.hidden = false;
        function filter() {
          const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
          for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
          for (const group of groups) group.hidden = ![...group.querySelectorAll("[data-words]")].some((entry) => !entry.hidden);
          for (const section of rest) section.hidden = words.length > 0;
          const found = entries.filter((entry) => entry.tagName === "LI" && !entry.hidden).length;
          count.textContent = words.length ? (found === 1 ? "1 operation" : found + " operations") : "";
        }
        box.addEventListener("input", () => { filter(); scrollTo(0, 0); });
        addEventListener("keydown", (event) => {
          if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
          if (event.key === "Escape" && document.activeElement === box) { box.value = ""; filter(); }
        });
        addEventListener("hashchange", () => {
          const aim = document.getElementById(location.hash.slice(1));
          if (aim && aim.closest("[hidden]")) { box.value = ""; filter(); aim.scrollIntoView(); }
        });
        async function copy(text) {
          if (navigator.clipboard) return navigator.clipboard.writeText(text);
          const area = document.createElement("textarea");
          area.value = text; document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
        }
        for (const pre of document.querySelectorAll("pre")) {
          const button = document.createElement("button");
          button.type = "button"; button.textContent = "Copy";
          button.addEventListener("click", async () => {
            await copy(pre.querySelector("code").textContent);
            button.textContent = "Copied"; setTimeout(() => (button.textContent = "Copy"), 1500);
          });
          pre.append(button);
        }
        """;
}

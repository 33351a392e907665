# Sourced by ./flows. Makes a support bundle: what an operator sends along with a question. What is let in is listed here; what is secret is taken
# out twice: values of settings are only shown when their names are on a list, and every known secret is struck out of every file at the end.

BUNDLE_LINES=2000     # of each log, the newest
BUNDLE_MOST_BYTES=$((4 << 20))

# Settings whose values are shown; of every other one only that it is set.
shown_setting() {
  case $1 in
    Flows__ContainerType|Flows__Worker__*|Flows__Queue__Provider|Flows__Execution__Mode|Flows__Execution__Network|Flows__Execution__Reuse|Flows__Execution__MemoryMiB) return 0;;
    Flows__Limits__*|Flows__Timeouts__*|Flows__Retention__*|Flows__Runs__*|Flows__Telemetry__TracesPerSecond|FlowsStack|ASPNETCORE_ENVIRONMENT|DOTNET_ENVIRONMENT) return 0;;
  esac
  return 1
}

# One secret a line: generated ones, keys, and every value or password among the settings that are not shown.
known_secrets() {
  local name value
  {
    if [ -s "$data/secrets.json" ]; then sed -nE 's/^ *"[^"]*" *: *"(.*)",? *$/\1/p' "$data/secrets.json"; fi
    if [ -s "$data/api-key" ]; then cat "$data/api-key"; say; fi
    while IFS= read -r -d '' value; do
      name=${value%%=*}; value=${value#*=}
      case $name in Flows__*|ConnectionStrings__*|Parameters__*|OTEL_*|PG*|REDIS*|FLOWS_*) ;; *) continue;; esac
      shown_setting "$name" && continue
      say "$value"
      sed -nE 's/.*([Pp]assword|[Pp]wd|[Kk]ey|[Tt]oken|[Aa]uthorization) *= *"?([^;,"]+).*/\2/p' <<<"$value"
      sed -nE 's#.*://[^:/@]*:([^@]+)@.*#\1#p' <<<"$value"
    done < <(env -0)
  } | awk 'length($0) >= 6 && !seen[$0]++' | awk '{ print length($0) "\t" $0 }' | sort -rn | cut -f2-
}

# Strikes the secrets of a file (the first argument) out of a text, letter by letter, and then whatever has the shape of a credential.
strike_out() {
  SECRETS=$1 awk '
    BEGIN { while ((getline line < ENVIRON["SECRETS"]) > 0) secret[++n] = line }
    {
      for (i = 1; i <= n; i++) {
        out = ""; rest = $0
        while ((at = index(rest, secret[i])) > 0) { out = out substr(rest, 1, at - 1) "******"; rest = substr(rest, at + length(secret[i])) }
        $0 = out rest
      }
      print
    }' | sed -E -e 's/flk_[A-Za-z0-9_-]{8,}/flk_******/g' \
      -e 's/([Bb]earer|[Bb]asic) +[A-Za-z0-9._~+\/=-]{8,}/\1 ******/g' \
      -e 's#(://[^:/@ ]*):[^@/ ]+@#\1:******@#g' \
      -e 's/(([Pp]assword|[Pp]wd|[Ss]ecret|[Tt]oken|[Aa]pi[_-]?[Kk]ey|[Aa]uthorization)"? *[=:] *"?)[^";, ]+/\1******/g'
}

bundle_settings() {
  local name value
  while IFS= read -r -d '' value; do
    name=${value%%=*}; value=${value#*=}
    case $name in Flows__*|ConnectionStrings__*|Parameters__*|OTEL_*|FlowsStack|ASPNETCORE_*|DOTNET_*|FLOWS_*) ;; *) continue;; esac
    if shown_setting "$name"; then say "$name=$value"; else say "$name is set (${#value} characters)"; fi
  done < <(env -0) | sort
}

# A page of the running API: its address from FLOWS_URL or the state of `up`, its key from FLOWS_API_KEY or the data directory. The key goes in by a file.
bundle_page() {
  local url=${FLOWS_URL:-$(state api)} key=${FLOWS_API_KEY:-$(cat "$data/api-key" 2>/dev/null || true)}
  if [ -z "$url" ]; then say "No API is known: set FLOWS_URL and FLOWS_API_KEY, or start Flows with ./flows up."; return; fi
  have curl || { say "curl is missing."; return; }
  curl --silent --show-error --max-time 10 --max-filesize "$BUNDLE_MOST_BYTES" --config <(printf 'header = "Authorization: Bearer %s"\n' "$key") "${url%/}$1" 2>&1 | head -c "$BUNDLE_MOST_BYTES" || true
}

bundle() {
  local folder name log secrets page
  name=flows-support-$(date -u +%Y%m%d-%H%M%S)
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' RETURN
  umask 077
  mkdir "$folder/raw" "$folder/$name"
  secrets=$folder/secrets
  known_secrets > "$secrets"

  doctor > "$folder/raw/doctor.txt" 2>&1 || true
  { uname -a; say; cat /etc/os-release; say; nproc; head -3 /proc/meminfo; say; df -h "$root" "$data"; say; ulimit -a; say; cat /proc/loadavg; } > "$folder/raw/machine.txt" 2>&1 || true
  { git rev-parse HEAD; git status --short | head -50; } > "$folder/raw/version.txt" 2>&1 || true
  bundle_settings > "$folder/raw/settings.txt"
  bundle_page /health > "$folder/raw/health.json"
  bundle_page /metrics > "$folder/raw/metrics.txt"
  for page in workers queue storage; do bundle_page "/api/v1/system/$page" > "$folder/raw/$page.json"; done
  for log in "$data"/logs/*.log; do
    if [ -f "$log" ]; then tail -n "$BUNDLE_LINES" "$log" | head -c "$BUNDLE_MOST_BYTES" > "$folder/raw/log-$(basename "$log")"; fi
  done
  for log in "$folder"/raw/*; do strike_out "$secrets" < "$log" > "$folder/$name/$(basename "$log")"; done
  mkdir -p "$data"
  tar -czf "$data/$name.tar.gz" -C "$folder" "$name"
  say "$data/$name.tar.gz: $(ls "$folder/$name" | wc -l) files. Look through it before you send it: logs hold names of flows, hosts and people's words."
}

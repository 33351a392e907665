#!/usr/bin/env bash
# Bills of materials in CycloneDX 1.x JSON of what the images are made of: the packages of the API, those of the worker, and those of the web app that the API serves.
# The packages have to be restored. What the base images and apt bring is seen by a scanner of images. Usage: build/sbom.sh [FOLDER], by default artifacts/sbom
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(mkdir -p "${1:-artifacts/sbom}" && cd "${1:-artifacts/sbom}" && pwd)
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

dotnet tool restore >/dev/null
for program in api worker; do
  # Without a serial number, so that the same packages give the same file but for its time.
  dotnet CycloneDX "Flows.${program^}/Flows.${program^}.csproj" --output "$out" --filename "flows-$program.cdx.json" --output-format Json \
    --set-name "flows-$program" --set-version "$version" --set-type Application --exclude-dev --no-serial-number --disable-package-restore >/dev/null
done
if [ -f Flows.Web/package-lock.json ]; then
  (cd Flows.Web && npm sbom --sbom-format cyclonedx --sbom-type application --omit dev --package-lock-only) | sed -E '/^  "serialNumber":/d' > "$out/flows-web.cdx.json"
fi
ls "$out"/*.cdx.json

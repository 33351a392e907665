import { useQuery } from "@tanstack/react-query";
import { addressOf } from "../api/client";
import { text } from "../text";
import { Failure } from "../ui/ui";

interface Health {
  status: string;
  checks: Record<string, { status: string; reason: string | null; milliseconds: number }>;
}

/** What the API says of its own health. It says so with 503 when it is ill, and that is an answer, too. */
async function readHealth(): Promise<Health> {
  const response = await fetch(addressOf("health"), { signal: AbortSignal.timeout(15_000) }).catch(() => {
    throw new Error(text.errors.away);
  });
  return (await response.json()) as Health;
}

const toneOf = (status: string) => (status === "Healthy" ? "good" : status === "Degraded" ? "waiting" : "bad");

export function HealthPanel() {
  const health = useQuery({ queryKey: ["health"], queryFn: readHealth, refetchInterval: 5000, retry: false });
  return (
    <>
      {health.error && <Failure error={health.error} />}
      {health.data && (
        <>
          <p>
            <span className={`badge ${toneOf(health.data.status)}`}>{health.data.status}</span>
          </p>
          <table className="table">
            <thead>
              <tr>
                <th>{text.ops.part}</th>
                <th>{text.runs.status}</th>
                <th>{text.ops.took}</th>
                <th>{text.ops.reason}</th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(health.data.checks).map(([name, check]) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td>
                    <span className={`badge ${toneOf(check.status)}`}>{check.status}</span>
                  </td>
                  <td className="quiet">{check.milliseconds} ms</td>
                  <td>{check.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

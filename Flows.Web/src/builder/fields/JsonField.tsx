import { lazy, Suspense, useContext, useState } from "react";
import { text } from "../../text";
import { Shown } from "./Preview";
import { DataSources, usePreviewOf, withoutSample } from "./sources";

const CodeEditor = lazy(() => import("../../ui/CodeEditor"));

/** Any JSON, in which texts may hold expressions. What is not JSON yet stays in the editor and is not taken. */
export function JsonField({ value, label, onChange }: { value: unknown; label: string; onChange: (value: unknown) => void }) {
  const [typed, setTyped] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  const [problem, setProblem] = useState<string | null>(null);
  const preview = usePreviewOf(value);
  const { sources } = useContext(DataSources);
  const missing = preview?.error ? withoutSample(JSON.stringify(value), sources) : [];
  return (
    <>
      <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
        <CodeEditor
          language="json"
          label={label}
          value={typed}
          onChange={(next) => {
            setTyped(next);
            try {
              onChange(next.trim() === "" ? undefined : JSON.parse(next));
              setProblem(null);
            } catch (error) {
              setProblem((error as Error).message);
            }
          }}
        />
      </Suspense>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {!problem && missing.length > 0 && <p className="help">{text.build.needsSample(missing.join(", "))}</p>}
      {!problem && preview?.error && missing.length === 0 && (
        <p className="preview wrong" role="status">
          {preview.error.path && <code>{preview.error.path}</code>} {preview.error.message}
        </p>
      )}
      {!problem && preview && !preview.error && <Shown value={preview.value} />}
    </>
  );
}

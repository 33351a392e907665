import { AlertTriangle, History, Keyboard, Play, Redo2, StickyNote, Undo2, UploadCloud } from "lucide-react";
import { Link } from "react-router";
import type { DefinitionProblem, FlowView } from "../api/client";
import { text } from "../text";
import { Button, Failure, IconButton } from "../ui/ui";
import type { Open } from "./BuilderDialogs";
import type { SaveState, useDraft } from "./useDraft";

const stateWords: Record<SaveState, string> = {
  saved: text.builder.saved, unsaved: text.builder.unsaved, saving: text.builder.saving, conflict: text.builder.conflict, failed: text.builder.unsaved, invalid: text.build.invalid,
};

interface BuilderHeadProps {
  flow: FlowView;
  draft: ReturnType<typeof useDraft>;
  problems: DefinitionProblem[];
  onOpen: (dialog: Open) => void;
  onTest: () => void;
  onNote: () => void;
}

export function BuilderHead({ flow, draft, problems, onOpen, onTest, onNote }: BuilderHeadProps) {
  const errors = problems.filter((problem) => problem.severity === "Error").length;
  return (
    <>
      <header className="builder-head">
        <h1>{flow.name}</h1>
        <span className={`save-state ${draft.state}`} role="status">
          {stateWords[draft.state]}
        </span>
        <IconButton label={text.builder.undo} disabled={!draft.canUndo} onClick={draft.undo}>
          <Undo2 size={18} />
        </IconButton>
        <IconButton label={text.builder.redo} disabled={!draft.canRedo} onClick={draft.redo}>
          <Redo2 size={18} />
        </IconButton>
        <IconButton label={text.build.addNote} onClick={onNote}>
          <StickyNote size={18} />
        </IconButton>
        <IconButton label={text.build.shortcuts} onClick={() => onOpen("shortcuts")}>
          <Keyboard size={18} />
        </IconButton>
        <span className="spring" />
        <Button icon={<AlertTriangle size={16} />} onClick={() => onOpen("problems")} className={errors > 0 ? "has-problems" : ""}>
          {problems.length === 0 ? text.builder.noProblems : text.build.problems(problems.length)}
        </Button>
        <Link className="button plain" to={`/runs?flow=${flow.id}`}>
          {text.nav.runs}
        </Link>
        <Button icon={<History size={16} />} onClick={() => onOpen("versions")}>
          {text.builder.versions}
        </Button>
        <Button icon={<Play size={16} />} onClick={onTest}>
          {text.builder.test}
        </Button>
        <Button tone="primary" icon={<UploadCloud size={16} />} onClick={() => onOpen("publish")}>
          {text.builder.publish}
        </Button>
      </header>
      {draft.state === "conflict" && (
        <div className="banner" role="alert">
          {text.builder.conflict}
          <Button onClick={draft.takeTheirs}>{text.builder.takeTheirs}</Button>
          <Button onClick={draft.keepMine}>{text.builder.keepMine}</Button>
        </div>
      )}
      {draft.state === "failed" && draft.error && <Failure error={draft.error} retry={() => void draft.save()} />}
    </>
  );
}

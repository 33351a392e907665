import { Component, type ReactNode } from "react";
import { text } from "../text";
import { Button, Failure } from "./ui";

/** What a page throws while it is drawn ends here and not in a white window. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <main className="page">
        <h1>{text.errors.crashed}</h1>
        <Failure error={this.state.error} />
        <Button tone="primary" onClick={() => location.reload()}>
          {text.errors.reload}
        </Button>
      </main>
    );
  }
}

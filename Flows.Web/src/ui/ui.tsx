import { Dialog as RadixDialog, DropdownMenu } from "radix-ui";
import { AlertTriangle, Check, Copy, X } from "lucide-react";
import { useEffect, useId, useRef, useState, useSyncExternalStore, type ButtonHTMLAttributes, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { text } from "../text";

export function Button({ tone = "plain", icon, children, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { tone?: "plain" | "primary" | "danger" | "ghost"; icon?: ReactNode }) {
  return (
    <button type="button" {...rest} className={`button ${tone} ${rest.className ?? ""}`}>
      {icon}
      {children && <span>{children}</span>}
    </button>
  );
}

export function IconButton({ label, children, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={`icon-button ${rest.className ?? ""}`}>
      {children}
    </button>
  );
}

export function Dialog({ title, help, onClose, children, wide, size = wide ? "wide" : undefined }: { title: string; help?: string; onClose: () => void; children: ReactNode; wide?: boolean; size?: "wide" | "huge" }) {
  return (
    <RadixDialog.Root open onOpenChange={(open) => !open && onClose()}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="overlay" />
        <RadixDialog.Content className={size ? `dialog ${size}` : "dialog"} {...(help ? {} : { "aria-describedby": undefined })}>
          <header>
            <RadixDialog.Title>{title}</RadixDialog.Title>
            <RadixDialog.Close asChild>
              <IconButton label={text.common.close}>
                <X size={18} />
              </IconButton>
            </RadixDialog.Close>
          </header>
          {help && <RadixDialog.Description>{help}</RadixDialog.Description>}
          {children}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

export function Menu({ label, trigger, items }: { label: string; trigger: ReactNode; items: ({ label: string; icon?: ReactNode; danger?: boolean; disabled?: boolean; run: () => void } | null)[] }) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="icon-button" aria-label={label} title={label}>
          {trigger}
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {items.map((item, index) =>
            item === null ? (
              <DropdownMenu.Separator key={index} className="menu-line" />
            ) : (
              <DropdownMenu.Item key={item.label} className={item.danger ? "menu-item danger" : "menu-item"} disabled={item.disabled} onSelect={item.run}>
                {item.icon}
                {item.label}
              </DropdownMenu.Item>
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function Field({ label, help, error, children }: { label: string; help?: string | null; error?: string | null; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className={error ? "field wrong" : "field"}>
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {help && <p className="help">{help}</p>}
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const trace = error instanceof ApiError ? error.problem.traceId : undefined;
  return (
    <div className="failure" role="alert">
      <AlertTriangle size={18} aria-hidden />
      <div>
        <p>{message}</p>
        {typeof trace === "string" && <p className="help">Trace {trace}</p>}
      </div>
      {retry && <Button onClick={retry}>{text.common.tryAgain}</Button>}
    </div>
  );
}

export function CopyButton({ value, label = text.common.copy }: { value: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <IconButton label={isCopied ? text.common.copied : label} onClick={() => void navigator.clipboard?.writeText(value).then(() => setCopied(true))}>
      {isCopied ? <Check size={16} /> : <Copy size={16} />}
    </IconButton>
  );
}

// --- short messages at the bottom ---------------------------------------------------------------------------------------

interface Toast {
  id: number;
  message: string;
  isError: boolean;
}

let toasts: Toast[] = [];
let listeners: (() => void)[] = [];
let nextToast = 1;

function setToasts(next: Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

export function tell(message: string, isError = false) {
  const id = nextToast++;
  setToasts([...toasts.slice(-3), { id, message, isError }]);
  setTimeout(() => setToasts(toasts.filter((toast) => toast.id !== id)), isError ? 8000 : 3500);
}

export const tellError = (error: unknown) => tell(error instanceof Error ? error.message : String(error), true);

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners = [...listeners, listener];
      return () => {
        listeners = listeners.filter((other) => other !== listener);
      };
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={toast.isError ? "toast error" : "toast"}>
          {toast.message}
        </div>
      ))}
    </div>
  );
}

/** The newest value without being a dependency. */
export function useLatest<T>(value: T) {
  const ref = useRef(value);
  ref.current = value;
  return ref;
}

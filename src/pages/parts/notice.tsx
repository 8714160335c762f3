import type { PropsWithChildren } from 'hono/jsx';

interface NoticeProps {
  /** `done`: it worked; `watch`: somebody should look at it; `problem`: something is wrong. */
  readonly tone: 'done' | 'watch' | 'problem';
  /** `alert` interrupts a screen reader, `status` waits; left out: it is read in its place. */
  readonly role?: 'alert' | 'status';
  readonly label?: string;
  readonly id?: string;
  /** For a script to show. */
  readonly hidden?: boolean;
}

/** A sentence that stands out: what worked, what to watch, what is wrong. Its words say which, not only its color. */
export function Notice({ tone, role, label, id, hidden, children }: PropsWithChildren<NoticeProps>) {
  return (
    <div class={`notice ${tone}`} role={role} aria-label={label} id={id} hidden={hidden}>
      {children}
    </div>
  );
}

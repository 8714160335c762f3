/**
 * What is kept of sign-ins: those that people have ended, so that a restart or another process revives none; what forms
 * are signed with, so that one process takes what another has shown; and who sends wrong tokens, to whichever of them.
 */
export interface SignInStore {
  /**
   * Ends a login for ever. Bounded: rows go when the login would have expired by itself.
   * @param login its id, when it expires (Unix seconds), and now
   */
  endLogin(login: { readonly id: string; readonly expiresAt: number; readonly nowAt: number }): Promise<void>;
  /** True for a login that was ended, also after its row has gone. */
  isLoginEnded(login: { readonly id: string; readonly expiresAt: number }): Promise<boolean>;
  /** What forms are signed with where nobody signs in: a random text, the same for all processes from the first start on. */
  readFormKey(): Promise<string>;
  /**
   * Counts a wrong token of a client, in windows that begin with its first one. Bounded: of too many clients those go
   * whose windows end first.
   */
  countWrongToken(wrong: WrongToken): Promise<WrongTokenCount>;
  /** Forgets clients whose windows have ended. */
  forgetWrongTokens(nowMs: number): Promise<number>;
}

export interface WrongToken {
  /** A keyed hash of what counts as one client. */
  readonly client: string;
  readonly nowMs: number;
  readonly windowMs: number;
}

export interface WrongTokenCount {
  /** In this window, with this one. */
  readonly failures: number;
  /** From now to the end of the window. */
  readonly endsInMs: number;
}

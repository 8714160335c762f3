/** What is kept of sign-ins: those that people have ended, so that a restart or another process revives none. */
export interface SignInStore {
  /**
   * Ends a session for ever. Bounded: rows go when the session would have expired by itself.
   * @param session its id, when it expires (Unix seconds), and now
   */
  endSession(session: {
    readonly id: string;
    readonly expiresAt: number;
    readonly nowAt: number;
  }): Promise<void>;
  /** True for a session that was ended, also after its row has gone. */
  isSessionEnded(session: { readonly id: string; readonly expiresAt: number }): Promise<boolean>;
}

/** What is kept of sign-ins: those that people have ended, so that a restart or another process revives none. */
export interface SignInStore {
  /**
   * Ends a login for ever. Bounded: rows go when the login would have expired by itself.
   * @param login its id, when it expires (Unix seconds), and now
   */
  endLogin(login: { readonly id: string; readonly expiresAt: number; readonly nowAt: number }): Promise<void>;
  /** True for a login that was ended, also after its row has gone. */
  isLoginEnded(login: { readonly id: string; readonly expiresAt: number }): Promise<boolean>;
}

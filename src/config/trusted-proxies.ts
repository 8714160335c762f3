import proxyAddr from 'proxy-addr';

/** Whether an address is that of a proxy whose word on who asks is taken. */
export type TrustProxy = (address: string) => boolean;

/** Where `TRUSTED_PROXIES` is unset: a proxy on this machine. */
export const DEFAULT_TRUSTED_PROXIES: readonly string[] = ['loopback'];

/** @throws TypeError for something that is no address, CIDR or known name. */
export function trustProxies(trustedProxies: readonly string[]): TrustProxy {
  const trusts = proxyAddr.compile([...trustedProxies]);
  return (address) => trusts(address, 0);
}

/** Whether {@link trustProxies} can read every one of them. */
export function areProxies(list: readonly string[]): boolean {
  try {
    trustProxies(list);
    return true;
  } catch {
    return false;
  }
}

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Names this process in leases: `host/pid/random`. The random part tells two lives of one pid apart (containers). */
export function nameThisProcess(): string {
  return `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`;
}

/**
 * True when `owner` certainly runs no more: a process of this host that is gone, or an earlier life of this very pid.
 * Of other hosts nothing is known here; their leases run out by themselves.
 */
export function isDeadOwner(owner: string, me: string): boolean {
  const [host, pid] = owner.split('/');
  if (owner === me || host !== hostname() || pid === undefined || !/^\d+$/.test(pid)) return false;
  return Number(pid) === process.pid || !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

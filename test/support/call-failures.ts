/** How a call to Intercom fails without being at fault itself; of the last one nobody knows whether it took effect. */
export const CALL_FAILURES = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'gateway', status: 502 },
  { kind: 'reset' },
  { kind: 'answer-lost' },
] as const;

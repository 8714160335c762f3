/** An answer that is not 200: thrown by whatever finds the fault, written by the app as Intercom's `error.list`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 400 | 401 | 403 | 404 | 406 | 409 | 410 | 422 | 429 | 500 | 503;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: Refusal['status'],
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** 400 `parameter_invalid`, Intercom's answer to most bad input. */
export function invalid(message: string): Refusal {
  return new Refusal(400, 'parameter_invalid', message);
}

export function notFound(message: string): Refusal {
  return new Refusal(404, 'not_found', message);
}

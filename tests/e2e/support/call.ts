/**
 * One request, as a client without any knowledge of the mesh makes it.
 *
 * @module
 */

export interface CallOptions {
  /** A forward proxy: the request is sent there, with the whole URL. */
  readonly via?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** On a connection of its own. */
export async function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { via, method = "GET", headers = {}, body, timeoutMs = 15_000 } = options;
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    keepalive: false,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body }),
    ...(via === undefined ? {} : { proxy: via }),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** What brings requests to the server. */
export interface Transport {
  /** Rejects where no answer comes, as sockets do. */
  request(request: WireRequest): Promise<WireResponse>;
  /** Breaks off what still runs. */
  close(): Promise<void>;
}

/** A request as it goes out. */
export interface WireRequest {
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Aborted where nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** An answer whose body is still to be read, once. */
export interface WireResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array> & {
    json(): Promise<unknown>;
    text(): Promise<string>;
  };
}

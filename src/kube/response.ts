import type { Clock } from '../clock.ts';
import { ApiError, type Status } from './client.ts';
import type { WireResponse } from './transport.ts';

/** Reads the rest of an answer that is not what was asked for. */
export async function refusalOf(
  doing: string,
  { statusCode, headers, body }: WireResponse,
  clock: Clock,
): Promise<ApiError> {
  const status = statusOf(await body.text());
  return new ApiError(doing, statusCode, status, retryAfterMs(headers['retry-after'], clock));
}

/** When it was answered by the server's clock, in milliseconds since the epoch, where it tells that. */
export function answeredAt({ headers }: WireResponse): number | undefined {
  const date = Date.parse(String(headers['date']));
  return Number.isNaN(date) ? undefined : date;
}

/** The Status of the API server, or the beginning of what something between us and it said. */
function statusOf(text: string): Status {
  try {
    const body: unknown = JSON.parse(text);
    if ((body as Status | null)?.kind === 'Status') return body as Status;
  } catch {
    // Not JSON: a proxy or a load balancer speaks for itself.
  }
  const beginning = text.trim().slice(0, 200);
  return beginning === '' ? {} : { message: beginning };
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | string[] | undefined, clock: Clock): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now());
}

/**
 * A wall-clock time in milliseconds as the API's MicroTime: exactly six digits behind the point, as
 * the server refuses any other number of them (kubernetes/apimachinery: pkg/apis/meta/v1/micro_time.go).
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

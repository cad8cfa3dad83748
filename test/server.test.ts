import { HealthServer } from '../src/server.ts';

describe('the health server', () => {
  let ready = false;
  const server = new HealthServer(0, () => ready);
  const ask = async (path: string) =>
    (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;

  beforeAll(() => server.start());
  afterAll(() => server.stop());

  it('says that the process lives, whatever else', async () => {
    expect(await ask('/healthz')).toBe(200);
  });

  it('says that it is ready when, and only while, it is', async () => {
    expect(await ask('/readyz')).toBe(503);
    ready = true;
    expect(await ask('/readyz')).toBe(200);
    ready = false;
    expect(await ask('/readyz')).toBe(503);
  });

  it('knows no other path', async () => {
    expect(await ask('/metrics')).toBe(404);
  });

  it('rejects a port that is taken', async () => {
    await expect(new HealthServer(server.port, () => true).start()).rejects.toThrow('EADDRINUSE');
  });
});

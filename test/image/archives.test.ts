import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveOf, debianSources, renewed, type Sources } from '../../.ci/image/archives.ts';
import { BuildError } from '../../.ci/image/build-error.ts';
import type { Pin } from '../../.ci/image/pins.ts';

const content = 'the package, as it was pinned';
const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
const pin: Pin = {
  name: 'thing',
  version: '1:1.0-2',
  sha256: hash('sha256', content),
  sha1: hash('sha1', content),
};

const debian12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';

let directory: string;
let sources: Sources;
let server: Server;
let archived: Map<string, string>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'archives-'));
  archived = new Map();
  server = createServer((request, response) => {
    const found = archived.get(request.url ?? '');
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  sources = {
    cache: join(directory, 'cache'),
    aptGet: join(directory, 'apt-get'),
    snapshot: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
});

afterEach(async () => {
  server.close();
  await once(server, 'close');
  rmSync(directory, { recursive: true });
});

/** An apt-get whose sources have one version of the package, with the words of the real one. */
function aptOffers(version: string, text = content): void {
  const file = `thing_${encodeURIComponent(version)}_amd64.deb`;
  const script = `#!/bin/sh
case "$*" in
  '--quiet=2 --print-uris download thing:amd64')
    echo "'http://deb.example/pool/thing.deb' ${file} 29 SHA256:00" ;;
  '--quiet=2 download thing:amd64' | '--quiet=2 download thing:amd64=${version}')
    printf '%s' '${text}' > '${file}' ;;
  *)
    echo "E: Version '\${3#*=}' for 'thing' was not found" >&2
    exit 100 ;;
esac
`;
  writeFileSync(sources.aptGet, script);
  chmodSync(sources.aptGet, 0o755);
}

describe('the archive of a pinned package', () => {
  it('comes from apt-get', async () => {
    aptOffers(pin.version);
    expect(readFileSync(await archiveOf(pin, sources), 'utf8')).toBe(content);
  });

  it('is kept for the builds that follow, by its hash', async () => {
    aptOffers(pin.version);
    await archiveOf(pin, sources);
    rmSync(sources.aptGet);
    expect(await archiveOf(pin, sources)).toBe(join(sources.cache, `${pin.sha256}.deb`));
    expect(readdirSync(sources.cache)).toEqual([`${pin.sha256}.deb`]);
  });

  it('is fetched again where what was kept is damaged', async () => {
    aptOffers(pin.version);
    const path = await archiveOf(pin, sources);
    writeFileSync(path, content.slice(1));
    expect(readFileSync(await archiveOf(pin, sources), 'utf8')).toBe(content);
  });

  it.each([
    ['apt-get offers another version', () => aptOffers('1:1.0-3')],
    ['apt-get has another file under this version', () => aptOffers(pin.version, 'other')],
    ['there is no apt-get', () => undefined],
  ])('comes from the archive of all versions where %s', async (_, arrange) => {
    arrange();
    archived.set(`/file/${pin.sha1}`, content);
    expect(readFileSync(await archiveOf(pin, sources), 'utf8')).toBe(content);
  });

  it('is missed in a sentence that tells which one, who was asked, and what to do', async () => {
    aptOffers('1:1.0-3');
    await expect(archiveOf(pin, sources)).rejects.toEqual(
      new BuildError(
        'thing 1:1.0-2 of .ci/image/pins.json cannot be had: ' +
          "apt-get offers 1:1.0-3 (E: Version '1:1.0-2' for 'thing' was not found); " +
          `${sources.snapshot}/file/${pin.sha1} answers 404; ` +
          'on Debian 12, apt-get update && npm run image -- --renew-pins pins what apt-get offers',
      ),
    );
  });

  it('is missed in such a sentence on another system too, and out of reach of the network', async () => {
    const nowhere = { ...sources, snapshot: 'http://127.0.0.1:9' };
    await expect(archiveOf(pin, nowhere)).rejects.toThrow(
      /there is no apt-get here; http:\/\/127\.0\.0\.1:9\S+ cannot be read \(.+\); on Debian 12/,
    );
  });

  it('is no other file', async () => {
    aptOffers(pin.version, 'other');
    archived.set(`/file/${pin.sha1}`, 'another');
    await expect(archiveOf(pin, sources)).rejects.toThrow(
      `apt-get has another file; ${sources.snapshot}/file/${pin.sha1} has another file`,
    );
  });
});

describe('renewed pins', () => {
  it('are those of what apt-get offers, which is kept', async () => {
    aptOffers('1:1.0-3', 'newer');
    const [now] = renewed([pin], sources, debian12);
    expect(now).toEqual({
      name: 'thing',
      version: '1:1.0-3',
      sha256: hash('sha256', 'newer'),
      sha1: hash('sha1', 'newer'),
    });
    rmSync(sources.aptGet);
    expect(readFileSync(await archiveOf(now ?? pin, sources), 'utf8')).toBe('newer');
  });

  it('are not had where apt-get offers nothing', () => {
    mkdirSync(sources.cache);
    expect(() => renewed([pin], sources, debian12)).toThrow(
      'apt-get offers no thing: there is no apt-get here',
    );
  });

  it.each([
    ['Debian GNU/Linux 13 (trixie)', debian12.replaceAll('12', '13').replace('bookworm', 'trixie')],
    ['Ubuntu 12', 'PRETTY_NAME="Ubuntu 12"\nVERSION_ID="12"\nID=ubuntu\n'],
    ['another system', ''],
  ])('are not taken from %s', (system, release) => {
    aptOffers('1:1.0-3');
    expect(() => renewed([pin], sources, release)).toThrow(
      `the images are made of packages of Debian 12, and this is ${system}`,
    );
  });
});

describe('the cache of packages', () => {
  it('is in XDG_CACHE_HOME', () => {
    expect(debianSources({ XDG_CACHE_HOME: '/x' }).cache).toBe(
      '/x/kubernetes-image-puller-operator/debian',
    );
  });

  it.each([{}, { XDG_CACHE_HOME: '' }])('is in the home directory for %j', (env) => {
    expect(debianSources(env).cache).toMatch(
      /\/\.cache\/kubernetes-image-puller-operator\/debian$/,
    );
  });
});

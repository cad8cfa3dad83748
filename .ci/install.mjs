// Runs before every npm script, on whatever Node the machine has (20 or newer):
// installs what the lock file says, once, and again only when the lock file changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, 'node_modules', '.installed-lock');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

if (!existsSync(marker) || readFileSync(marker, 'utf8') !== wanted) {
  process.stderr.write(
    'installing the packages of package-lock.json (once; takes about half a minute)\n',
  );
  // Under `npm pack --dry-run` it would install nothing.
  const npm = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--dry-run=false', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (npm.status !== 0) {
    process.stderr.write(
      'npm ci did not succeed: see its message above; the registry must be reachable once\n',
    );
    process.exit(1);
  }
  writeFileSync(marker, wanted);
}

// Linux brings its Node as an npm package; elsewhere the machine's own must be new enough.
const bundled = join(root, 'node_modules', '.bin', 'node');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (!existsSync(bundled) && (major < 24 || (major === 24 && minor < 9))) {
  process.stderr.write(
    `Node ${process.versions.node} is too old: this project runs TypeScript as it is and needs Node 24.9 or newer\n`,
  );
  process.exit(1);
}

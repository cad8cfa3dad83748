import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { _, Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { build, type Metafile, type Plugin } from 'esbuild';
import { ajvOptions } from '../../src/api/json-field.ts';
import * as schemas from '../../src/api/scheduling-schemas.ts';

const project = join(import.meta.dirname, '../..');

/** The program as one file. */
export interface Bundle {
  /** An ES module for Node 24 that needs nothing beside it. */
  readonly code: Uint8Array;
  /** Names, versions and license texts of the packages in it. */
  readonly notices: string;
}

/**
 * Bundles the program, or another entry point, with all that it imports. The same sources and
 * packages give the same bytes. Everything but the `demo` works, also under the flags of the image
 * (see launch.sh).
 */
export async function bundle(entryPoint = 'src/main.ts'): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: project,
    // Paths get into names: the same ones where node_modules is a link.
    preserveSymlinks: true,
    entryPoints: [entryPoint],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Names of functions and classes stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // Packages that are CommonJS require Node's own modules by this name.
    banner: {
      js: "import{createRequire as bundledRequire}from'node:module';const require=bundledRequire(import.meta.url);",
    },
    plugins: [
      withoutDemo,
      compiledSchemas,
      lifecycleOnly,
      kubeConfigOnly,
      metricsOnly,
      connectionsOnly,
      lateBuiltins,
    ],
    write: false,
    metafile: true,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild gave no output for ${entryPoint}`);
  return { code: output.contents, notices: notices(metafile) };
}

/** The demo reaches into test/, which is no part of the bundle. */
const withoutDemo: Plugin = {
  name: 'without-demo',
  setup(esbuild) {
    esbuild.onResolve({ filter: /\/cli\/demo\.ts$/ }, () => ({ path: 'demo', namespace: 'demo' }));
    esbuild.onLoad({ filter: /./, namespace: 'demo' }, () => ({
      resolveDir: project,
      contents: `
        import { UsageError } from './src/errors.ts';
        export function demo() {
          throw new UsageError('there is no demo here: run npm start in the sources');
        }`,
    }));
  },
};

/**
 * ajv makes a function of text for each schema, which Node refuses under
 * --disallow-code-generation-from-strings. All schemas are known, so their validators are bundled,
 * behind the same interface, and ajv itself is not.
 */
const compiledSchemas: Plugin = {
  name: 'compiled-schemas',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^ajv$/ }, () => ({ path: 'ajv', namespace: 'compiled' }));
    esbuild.onLoad({ filter: /./, namespace: 'compiled' }, () => ({
      resolveDir: project,
      contents: `
        import * as schemas from './src/api/scheduling-schemas.ts';
        const validators = new Map([${Object.entries(schemas).map(validatorEntry)}]);
        export class Ajv {
          #formats;
          constructor({ formats }) {
            this.#formats = formats;
          }
          compile(schema) {
            return validators.get(schema)(this.#formats);
          }
        }`,
    }));
  },
};

/** A Map entry as code: from the schema to a function that makes its validator. */
function validatorEntry([name, schema]: [string, object]): string {
  const ajv = new Ajv({ ...ajvOptions, code: { source: true, formats: _`formats` } });
  const code = standalone.default(ajv, ajv.compile(schema));
  return `[schemas.${name}, (formats) => { const module = {}; ${code}; return module.exports; }]`;
}

/**
 * src/kube/operator.ts loads @dot-i/k8s-operator by a `require` that it makes, which no bundler
 * follows: in the bundle its `createRequire` gives that package. All that would call the API server is
 * overridden there, so what the package imports for it stays out: 5 MB of code.
 */
const lifecycleOnly: Plugin = {
  name: 'lifecycle-only',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^node:module$/ }, ({ importer }) =>
      importer.endsWith('/src/kube/operator.ts')
        ? { path: 'create-require', namespace: 'lifecycle' }
        : undefined,
    );
    esbuild.onLoad({ filter: /./, namespace: 'lifecycle' }, () => ({
      resolveDir: project,
      contents: `export const createRequire = () => () => require('@dot-i/k8s-operator');`,
    }));
    esbuild.onResolve({ filter: /^(@kubernetes\/client-node|gaxios)$/ }, ({ importer, path }) =>
      importer.includes('/@dot-i/k8s-operator/') ? { path, namespace: 'unused' } : undefined,
    );
    esbuild.onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: '' }));
  },
};

/**
 * Of client-node only KubeConfig is used. Its index brings a class for every kind of Kubernetes, none
 * of which a bundler may leave out, as each runs code when it is loaded: 0.7 MB of code, 7 MB of memory.
 */
const kubeConfigOnly: Plugin = {
  name: 'kube-config-only',
  setup(esbuild) {
    const client = join(project, 'node_modules/@kubernetes/client-node/dist');
    esbuild.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
      path: join(client, 'config.js'),
    }));
    esbuild.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer === join(client, 'config.js') ? { path: 'gen', namespace: 'client' } : undefined,
    );
    esbuild.onLoad({ filter: /./, namespace: 'client' }, () => ({
      resolveDir: join(client, 'gen'),
      contents: `
        export { createConfiguration } from './configuration.js';
        export { ServerConfiguration } from './servers.js';`,
    }));
  },
};

/** Of prom-client only what keeps metrics is used; its index brings tracing, clusters and a gateway. */
const metricsOnly: Plugin = {
  name: 'metrics-only',
  setup(esbuild) {
    const lib = join(project, 'node_modules/prom-client/lib');
    esbuild.onResolve({ filter: /^prom-client$/ }, () => ({ path: 'kept', namespace: 'metrics' }));
    esbuild.onLoad({ filter: /./, namespace: 'metrics' }, () => ({
      resolveDir: lib,
      contents: `
        export { default as Counter } from './counter.js';
        export { default as Gauge } from './gauge.js';
        export { default as Histogram } from './histogram.js';
        export { default as Registry } from './registry.js';`,
    }));
  },
};

/**
 * Of undici only its pools of connections are used, and of these only HTTP/1.1; its index brings fetch,
 * WebSocket, caches and mocks, and HTTP/2 loads Node's own implementation of that.
 */
const connectionsOnly: Plugin = {
  name: 'connections-only',
  setup(esbuild) {
    const lib = join(project, 'node_modules/undici/lib');
    esbuild.onResolve({ filter: /^undici$/ }, () => ({ path: 'pools', namespace: 'connections' }));
    esbuild.onLoad({ filter: /./, namespace: 'connections' }, () => ({
      resolveDir: lib,
      // As its index does, which gives every dispatcher the methods of lib/api. client-node's own way of
      // making requests, which nobody takes, names fetch.
      contents: `
        import api from './api/index.js';
        import Dispatcher from './dispatcher/dispatcher.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Agent } from './dispatcher/agent.js';
        export { default as ProxyAgent } from './dispatcher/proxy-agent.js';
        export { default as Socks5ProxyAgent } from './dispatcher/socks5-proxy-agent.js';
        export { default as DecoratorHandler } from './handler/decorator-handler.js';
        export const fetch = (...asked) => globalThis.fetch(...asked);`,
    }));
    esbuild.onResolve({ filter: /^\.\/client-h2\.js$/ }, () => ({
      path: 'http2',
      namespace: 'no-http2',
    }));
    esbuild.onLoad({ filter: /./, namespace: 'no-http2' }, () => ({
      contents: `module.exports = () => { throw new Error('HTTP/2 is not in the bundle'); };`,
    }));
  },
};

/**
 * An import of one of Node's own modules becomes a `require` where it is first needed. Otherwise all of
 * them load at the start: 7 MB of memory in the puller, which needs few.
 */
const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup(esbuild) {
    const builtin = new RegExp(`^(node:)?(${builtinModules.join('|')})$`);
    esbuild.onResolve({ filter: builtin }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    esbuild.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

/** Each package once, in the order of the names. */
function notices({ inputs }: Metafile): string {
  const folders = Object.keys(inputs)
    .map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((folder) => folder !== undefined);
  return [...new Set(folders)]
    .sort()
    .map((folder) => notice(join(project, folder)))
    .join('\n');
}

function notice(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license?: string };
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`== ${name} ${version}, ${license ?? 'license below'}`, ...texts, ''].join('\n\n');
}

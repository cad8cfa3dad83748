import { stripTypeScriptTypes } from 'node:module';

/** The whole jest transform: Node's own type stripping, so that tests run what Node runs. */
// biome-ignore lint/style/noDefaultExport: jest loads a transform from the default export
export default { process: (source) => ({ code: stripTypeScriptTypes(source) }) };

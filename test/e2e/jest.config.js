import base from '../../jest.config.js';

/** The tests that need a real cluster: `npm run test:e2e` runs them inside its network. */
// biome-ignore lint/style/noDefaultExport: jest reads its configuration from the default export
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/e2e'],
  testPathIgnorePatterns: [],
  setupFilesAfterEnv: ['<rootDir>/test/e2e/keep-audit.ts'],
  testTimeout: 300_000,
  // The cluster is one, and so is the file that uses it at a time.
  maxWorkers: 1,
  // Tests of a file that say that they go on beside each other mostly wait.
  maxConcurrency: 7,
};

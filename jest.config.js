/** ES modules as they are: the transform only strips the types, as Node itself does. */
// biome-ignore lint/style/noDefaultExport: jest reads its configuration from the default export
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // These need a real cluster, or what it has left, and have a configuration of their own.
  testPathIgnorePatterns: ['<rootDir>/test/e2e/', '<rootDir>/test/rights/exactness.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/strip-types.js' },
  // One for each core: by default one core is left to jest itself, which on two of them is half of all.
  maxWorkers: '100%',
  // For what is broken, not for what is slow: a busy machine takes ten times as long.
  testTimeout: 60_000,
};

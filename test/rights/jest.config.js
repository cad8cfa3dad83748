import base from '../../jest.config.js';

/** What is known once the tests on a real cluster are over: `npm run test:rights`. */
// biome-ignore lint/style/noDefaultExport: jest reads its configuration from the default export
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/rights'],
  testMatch: ['**/exactness.test.ts'],
  testPathIgnorePatterns: [],
};

const base = require('./jest.config.js');

// End-to-end suites need servers or a built bundle; each says in one line when what it needs is absent.
module.exports = {
  ...base,
  testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
  testSequencer: '<rootDir>/test/e2e/last-suites-last.js',
  globalSetup: '<rootDir>/test/e2e/kubernetes/harness/build-images.ts',
};

// jest can't require ESM, so packages that ship nothing else are transformed like the sources.
const kubernetesClient = ['@kubernetes/client-node', 'openid-client', 'oauth4webapi', 'jose', 'jsonpath-plus'];
const esmOnly = ['hyparquet', 'hyparquet-compressors', 'hysnappy', 'croner', ...kubernetesClient];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // By default jest leaves a core idle, which is half of a small machine.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '1GB',
  // A busy machine is no failure; a test that hangs still ends.
  testTimeout: 30_000,
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // As in a program that has this package installed, but from the sources.
  moduleNameMapper: { '^tempo-backup/(.+)$': '<rootDir>/lib/$1/index' },
  transform: {
    '\\.[cm]?[tj]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
};

import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// A later `no-restricted-imports` replaces an earlier one for the same file, so nested folders repeat their parent's patterns.
const forbid = (files, ...patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } });

const hosts = {
  group: [
    'cdk8s*',
    'constructs',
    '@pulumi/*',
    '**/lib/kubernetes/**',
    '**/lib/aws/**',
    '**/lib/pulumi-kubernetes/**',
    '**/stacks/**',
  ],
  message: 'the runtime imports only lib/contract',
};
const sdk = {
  group: ['@aws-sdk/*', '@smithy/*'],
  message: 'only runtime/storage/s3.ts and runtime/storage/s3 know the AWS SDK',
};
const openpgp = { group: ['openpgp', 'openpgp/*'], message: 'only runtime/secrets knows OpenPGP' };
const kubernetes = {
  group: ['@kubernetes/*', '@kubernetes/**'],
  message: 'only runtime/cluster knows the Kubernetes API',
};
// The interface's types may be named anywhere; bytes themselves move only where the layers say so.
const storageImplementations = {
  regex: '/storage/(?!(storage|bucket)$)',
  message: 'only the interfaces (storage/storage, storage/bucket) are known here',
};

const boundaries = [
  forbid(['lib/contract/**'], {
    regex: '^(?!\\./|\\.\\./(contract|command-line|plan|values|[a-z-]+$)|zod$|croner$)',
    message: 'the contract imports nothing but itself, zod, croner',
  }),
  forbid(['lib/kubernetes/**'], {
    group: ['@pulumi/*', '@aws-sdk/*', '**/aws/**', '**/runtime/**'],
    message: 'kubernetes constructs know nothing of AWS or the runtime',
  }),
  forbid(['lib/aws/**'], {
    group: ['cdk8s*', 'constructs', '@aws-sdk/*', '**/kubernetes/**', '**/runtime/**'],
    message: 'AWS components know nothing of Kubernetes or the runtime',
  }),
  forbid(['lib/pulumi-kubernetes/**'], {
    regex: '^(?!\\./|@pulumi/(pulumi|kubernetes)(/|$)|cdk8s$)',
    message: 'the Pulumi component deploys what any chart holds: it imports cdk8s and Pulumi only',
  }),
  forbid(['runtime/**'], hosts, sdk, kubernetes, openpgp),
  forbid(['runtime/storage/s3.ts', 'runtime/storage/s3/**'], hosts, kubernetes, openpgp),
  forbid(['runtime/streams/**'], hosts, sdk, kubernetes, openpgp, {
    group: ['**/repository/**', '**/tempo/**', '**/cluster/**', '**/commands/**'],
    message: 'streams know bytes only',
  }),
  // Interfaces alone: a command is given what it may reach.
  forbid(['runtime/commands/**'], hosts, sdk, kubernetes, openpgp, {
    ...storageImplementations,
    message: 'commands reach bytes through the repository',
  }),
  forbid(['runtime/repository/**'], hosts, sdk, kubernetes, openpgp, storageImplementations, {
    group: ['**/tempo/**', '**/cluster/**', '**/commands/**'],
    message: 'the repository knows neither Tempo nor clusters nor commands',
  }),
  forbid(['runtime/tempo/**'], hosts, sdk, kubernetes, openpgp, storageImplementations, {
    group: ['**/repository/**', '**/cluster/**', '**/commands/**'],
    message: 'tempo knows neither repositories nor clusters nor commands',
  }),
  forbid(['runtime/cluster/**'], hosts, sdk, openpgp, {
    group: ['**/repository/**', '**/tempo/**', '**/storage/**', '**/commands/**'],
    message: 'the cluster layer knows the Kubernetes API only',
  }),
  forbid(['runtime/secrets/**'], hosts, sdk, kubernetes, {
    group: ['**/repository/**', '**/tempo/**', '**/cluster/**', '**/storage/**', '**/commands/**'],
    message: 'encryption knows bytes and keys only',
  }),
  forbid(['stacks/**', 'examples/**'], {
    group: ['**/private/**', '**/runtime/**', '@aws-sdk/*'],
    message: 'stacks use the public API only',
  }),
];

const everywhere = {
  rules: {
    eqeqeq: ['error', 'always'],
    'no-console': 'off',
    'no-empty': ['error', { allowEmptyCatch: false }],
    'no-var': 'error',
    'prefer-const': 'error',
    'object-shorthand': 'error',
    complexity: ['error', 15],
    'max-depth': ['error', 4],
    'max-lines': ['error', 400],
    'max-lines-per-function': ['error', 60],
    'max-params': ['error', 4],
  },
};

const typed = {
  files: ['**/*.ts'],
  extends: [tseslint.configs.recommendedTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: {
    '@typescript-eslint/consistent-type-imports': [
      'error',
      { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
    ],
    '@typescript-eslint/no-explicit-any': 'error',
    '@typescript-eslint/no-floating-promises': 'error',
    '@typescript-eslint/no-non-null-assertion': 'error',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    // Numbers print as they are; everything else that isn't a string hides what it will look like.
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    '@typescript-eslint/return-await': ['error', 'in-try-catch'],
    '@typescript-eslint/switch-exhaustiveness-check': 'error',
    // An in-memory implementation of an asynchronous interface has nothing to await.
    '@typescript-eslint/require-await': 'off',
  },
};

// An example has a tsconfig.json of its own, which finds this package only once it is installed there.
const examples = {
  files: ['examples/**/*.ts'],
  languageOptions: { parserOptions: { projectService: false, project: 'tsconfig.json' } },
};

// `.only` would hide every other test and an unconditional `.skip` this one; a suite without its server is chosen by a condition instead.
const focusedOrSkipped = ['it', 'test', 'describe'].flatMap((name) => [
  `CallExpression[callee.object.name="${name}"][callee.property.name=/^(only|skip|todo)$/]`,
  `CallExpression[callee.object.object.name="${name}"][callee.object.property.name=/^(only|skip)$/]`,
]);
const tests = {
  files: ['test/**/*.ts'],
  rules: {
    // Jest's asymmetric matchers are `any`.
    '@typescript-eslint/no-unsafe-assignment': 'off',
    complexity: 'off',
    'max-lines-per-function': 'off',
    'no-restricted-syntax': [
      'error',
      ...[...focusedOrSkipped, 'CallExpression[callee.name=/^(fit|xit|xtest|fdescribe|xdescribe)$/]'].map(
        (selector) => ({
          selector,
          message:
            'no focused or skipped tests; choose `describe` or `describe.skip` by a condition where a server is needed',
        }),
      ),
      {
        selector: 'ExpressionStatement > MemberExpression[object.callee.name="expect"]',
        message: 'the matcher is never called, so this expectation cannot fail',
      },
    ],
  },
};

const nodeGlobals = Object.fromEntries(
  // prettier-ignore
  ['AbortController', 'AbortSignal', 'Buffer', 'URL', 'URLSearchParams', 'clearInterval', 'clearTimeout', 'console', 'fetch', 'module', 'performance',
   'process', 'require', 'setImmediate', 'setInterval', 'setTimeout'].map((name) => [name, 'readonly']),
);
const scripts = {
  files: ['**/*.js', '**/*.mjs'],
  languageOptions: { globals: nodeGlobals },
  rules: { 'no-undef': 'error', 'no-unused-vars': 'error' },
};

export default defineConfig(
  { ignores: ['dist/', 'build/', 'coverage/', 'docs/api/', 'imports/', 'test/fixtures/', '.demo/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  everywhere,
  typed,
  examples,
  scripts,
  tests,
  ...boundaries,
);

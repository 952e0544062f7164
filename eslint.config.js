import js from '@eslint/js';
import a11y from 'eslint-plugin-jsx-a11y';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';
import { layerRules } from './eslint.layers.js';

const clockRules = [
  {
    object: 'Date',
    property: 'now',
    message: 'Take the time as an argument or from a Clock (clock/clock.ts).',
  },
  {
    object: 'Math',
    property: 'random',
    message: 'Take randomness as an argument, or node:crypto at an edge.',
  },
  {
    object: 'process',
    property: 'env',
    message: 'The environment is read in config/secrets.ts and process/environment.ts alone.',
  },
];

const clockSyntax = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'Take the time as an argument or from a Clock (clock/clock.ts).',
  },
  {
    selector:
      'MemberExpression[object.object.name="Temporal"][object.property.name="Now"]:not([property.name="timeZoneId"])',
    message: 'Take the time as an argument or from a Clock (clock/clock.ts).',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'data/', 'exporter/schema/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', 'grafana-plugin/*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // `using` is for what happens at the end of the block.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['exporter/src/**/*.ts', 'grafana-plugin/src/**/*.{ts,tsx}'],
    ignores: [
      'exporter/src/clock/system.ts',
      'exporter/src/config/secrets.ts',
      'exporter/src/process/environment.ts',
      'grafana-plugin/src/lib/clock.ts',
      '**/*.test.{ts,tsx}',
    ],
    rules: {
      'no-restricted-properties': ['error', ...clockRules],
      'no-restricted-syntax': ['error', ...clockSyntax],
    },
  },
  {
    // SQLite answers at once: the methods are asynchronous for those that do not, and so that what they throw is a rejection.
    files: ['exporter/src/catalog/sqlite/database.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  ...layerRules,
  {
    files: ['grafana-plugin/src/**/*.tsx'],
    ...a11y.flatConfigs.recommended,
    rules: {
      ...a11y.flatConfigs.recommended.rules,
      // What scrolls has to be reached by the keyboard, too.
      'jsx-a11y/no-noninteractive-tabindex': ['error', { roles: ['application', 'region'], tags: [] }],
    },
  },
  {
    files: ['grafana-plugin/src/**/*.{ts,tsx}'],
    ...hooks.configs.flat['recommended-latest'],
  },
  {
    files: ['grafana-plugin/src/**/*.{ts,tsx}'],
    ignores: ['**/*.test.{ts,tsx}'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['Temporal', 'process', 'Buffer'].map((name) => ({
          name,
          message: 'The plugin runs in browsers, not all of which have this.',
        })),
      ],
    },
  },
  {
    files: ['**/*.test.{ts,tsx}', 'test/**/*.{ts,tsx}', 'grafana-plugin/test/*.ts', 'exporter/setup/*.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    // It stands for Grafana, which fails with plain objects and gives plugins what is deprecated.
    files: ['test/browser/host/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/no-deprecated': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  {
    files: ['*.js', 'grafana-plugin/*.js', 'test/bench/**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
);

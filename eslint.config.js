import js from '@eslint/js';
import tseslint from 'typescript-eslint';

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

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'data/', 'exporter/schema/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['exporter/src/**/*.ts'],
    ignores: [
      'exporter/src/clock/system.ts',
      'exporter/src/config/secrets.ts',
      'exporter/src/process/environment.ts',
      '**/*.test.ts',
    ],
    rules: { 'no-restricted-properties': ['error', ...clockRules] },
  },
  {
    files: ['exporter/src/{errors,units}/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^\\.\\./(?!errors/|units/)',
              message:
                'errors/ and units/ are the words everything else is made of: they import nothing of ours.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', 'exporter/setup/*.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
);

// Lint with type information. What is switched on beyond the presets, and what is switched off in
// them, has its reason beside it. Formatting is prettier's; imports between parts are
// .dependency-cruiser.cjs's.
import js from '@eslint/js'
import jsdoc from 'eslint-plugin-jsdoc'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const BARE_ERROR =
  ':matches(NewExpression, CallExpression)[callee.name=/^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/]'

/** What stands directly behind `export`: what is declared inside of it is nobody else's business. */
const EXPORTED = [
  ...['Class', 'Function', 'TSEnum', 'TSInterface', 'TSTypeAlias'].map(
    (kind) => `:matches(ExportNamedDeclaration, ExportDefaultDeclaration) > ${kind}Declaration`,
  ),
  ':matches(ExportNamedDeclaration, ExportDefaultDeclaration) > TSDeclareFunction',
  // For a constant the comment is looked for where the context stands: before `export`.
  'ExportNamedDeclaration[declaration.type="VariableDeclaration"]',
]

export default defineConfig(
  globalIgnores(['dist/', 'data/', '.cache/', 'coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  {
    name: 'crossdock/typescript',
    files: ['**/*.ts', '**/*.tsx'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',

      // The two likeliest bugs here: a promise nobody waits for, and a status nobody handles.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // A `default` does not count as handling a member of a union: it would swallow the next one.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],

      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // `while (true)` is how a loop that ends by a signal is written.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // Numbers and booleans read the same in every locale; objects and undefined stay forbidden.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `() => resolve()` as a one-line callback misleads nobody.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Off: a port promises that failures come as rejections, and `async` is what turns a throw
      // of an implementation that awaits nothing into one.
      '@typescript-eslint/require-await': 'off',
      // Off: there are no enums (`erasableSyntaxOnly`), and it looks at the type of every expression: a tenth of the time
      // of all rules.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      // Off: `Promise<Outcome | void>` is what lets a handler without a return fit.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Inside try, `return promise` without await leaves the catch and finally behind.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // A leading underscore says "not needed, but the position is".
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          caughtErrorsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
    },
  },

  {
    name: 'crossdock/product',
    files: ['src/**/*.{ts,tsx}', 'adapters/**/*.ts'],
    plugins: { jsdoc },
    settings: { jsdoc: { mode: 'typescript' } },
    rules: {
      // Callers decide by code and `retryable`; a bare Error has neither.
      'no-restricted-syntax': [
        'error',
        {
          selector: `ThrowStatement > ${BARE_ERROR}`,
          message: 'throw a CrossdockError with a code',
        },
        {
          // `reject(new Error(…))` and `Promise.reject(new Error(…))` are throws by another name.
          selector: `:matches(CallExpression[callee.name="reject"], CallExpression[callee.property.name="reject"]) > ${BARE_ERROR}`,
          message: 'reject with a CrossdockError with a code',
        },
      ],
      // What runs logs through the logger it is given, with its job and adapter bound.
      'no-console': 'error',
      // Everything exported is documented. Parameters and results are described in the prose where
      // the type does not say it; methods of a class that implements a port are documented there.
      'jsdoc/require-jsdoc': [
        'error',
        {
          enableFixer: false,
          exemptOverloadedImplementations: true,
          require: { FunctionDeclaration: false },
          contexts: EXPORTED,
        },
      ],
      'jsdoc/no-blank-blocks': 'error',
      // A misspelt tag is silently dropped by editors.
      'jsdoc/check-tag-names': ['error', { typed: true, definedTags: ['remarks'] }],
    },
  },

  {
    name: 'crossdock/commands',
    files: ['src/cli/**/*.ts'],
    // Writing to the terminal is what a command is for.
    rules: { 'no-console': 'off' },
  },

  {
    name: 'crossdock/domain',
    files: ['src/domain/**/*.ts'],
    rules: {
      // The domain is pure: clock, random and ids are passed in, so that tests own them.
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'take the time as an argument' },
        { object: 'Math', property: 'random', message: 'take the random number as an argument' },
      ],
    },
  },

  {
    name: 'crossdock/tests',
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // A missing row fails the test by itself; a check of our own says it no better.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Doubles that do nothing, handlers that throw strings, methods handed to expect().
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },

  {
    name: 'crossdock/javascript',
    files: ['**/*.{js,cjs,mjs}'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: { process: 'readonly', URL: 'readonly', console: 'readonly', module: 'writable' },
    },
  },
)

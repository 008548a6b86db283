import { expect, test } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { run } from './test-terminal.ts'

test('--version prints the version of the package', async () => {
  expect(await run('--version')).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/) as unknown,
    stderr: '',
  })
})

test('--help lists the commands and the exit codes on standard output', async () => {
  const { exitCode, stdout } = await run('--help')
  expect(exitCode).toBe(0)
  for (const name of ['start', 'migrate', 'check', 'sql', 'print-config', 'print-schema']) {
    expect(stdout).toContain(name)
  }
  expect(stdout).toContain('Exit codes:')
})

test.each(['start', 'migrate', 'check', 'sql', 'print-config', 'print-schema'])(
  '%s --help has an example',
  async (command) => {
    const { exitCode, stdout } = await run(`${command} --help`)
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`  crossdock ${command}`)
  },
)

test('no command at all is wrong usage and shows the help', async () => {
  expect(await run('')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Commands:') as unknown,
  })
})

test('an unknown command names the one that was meant', async () => {
  const { exitCode, stderr } = await run('strat')
  expect(exitCode).toBe(2)
  expect(stderr).toContain('Did you mean start?')
})

test.each(['jobs list', 'make:handler x', 'doctor'])(
  'the command %s is refused as not available',
  async (line) => {
    const { exitCode, stderr } = await run(line)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('is not available in this version')
  },
)

test('an unknown command is wrong usage beside --help too', async () => {
  const { exitCode, stdout, stderr } = await run('bogus --help')
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toContain("unknown command 'bogus'")
})

test('an unknown option is wrong usage', async () => {
  expect(await run('migrate --dryrun')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--dry-run') as unknown,
  })
})

test('an error is its message and code, and a stack only with CROSSDOCK_DEBUG', async () => {
  const application = {
    migrateDatabase: async () => {
      throw new CrossdockError('database_unavailable', 'Nobody answers.', {
        cause: new Error('refused'),
      })
    },
  }
  expect(await run('migrate', { application })).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'error: Nobody answers. [database_unavailable]',
  })
  const { stderr } = await run('migrate', { application, env: { CROSSDOCK_DEBUG: '1' } })
  expect(stderr).toContain('test-terminal')
  expect(stderr).toContain('refused')
})

test('an error that nobody foresaw says how to learn more', async () => {
  const application = { migrateDatabase: () => Promise.reject(new TypeError('odd')) }
  const { exitCode, stderr } = await run('migrate', { application })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: odd\nThis was not expected. Set CROSSDOCK_DEBUG=1')
})

test('every command that needs a configuration reports all its problems', async () => {
  const configuration = '{ "jobs": { "wrkers": 1 }, "alerts": [] }'
  for (const command of ['check', 'migrate', 'print-config', 'sql x']) {
    const { exitCode, stderr } = await run(command, { configuration })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('configuration.json:1:13 jobs.wrkers')
    expect(stderr).toContain('configuration.json:1:28 alerts')
  }
})

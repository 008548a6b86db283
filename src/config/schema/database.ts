import { z } from 'zod'

const pem = z
  .string()
  .regex(/-----BEGIN /)
  .meta({ expects: 'PEM text, usually "${file:PATH}"', term: 'PEM text' })

const tlsSchema = z
  .union([
    z.boolean(),
    z.strictObject({
      ca: pem.optional().describe("The authority that signed the server's certificate."),
      cert: pem.optional().describe('Our own certificate, where the server asks for one.'),
      key: pem.optional().describe('The private key of `cert`.'),
      reject_unauthorized: z
        .boolean()
        .prefault(true)
        .describe('false: accept any certificate. Never outside a trusted network.'),
    }),
  ])
  .meta({ expects: 'true, false, or an object of ca, cert, key, reject_unauthorized' })

/** The schema of `database`. */
export const databaseSchema = z
  .strictObject({
    type: z
      .enum(['embedded', 'postgresql', 'mysql', 'mariadb'])
      .optional()
      .describe(
        '`embedded`: a PostgreSQL of its own in `data_dir`. `postgresql`, or `mysql` and `mariadb`, which are one: the server at `url`. Left out: what `url` begins with, else `embedded`.',
      ),
    url: z
      .string()
      .optional()
      .describe(
        'Address of the server: `postgresql://user:password@host:5432/database`, or `mysql://user:password@host:3306/database`.',
      ),
    direct_url: z
      .string()
      .optional()
      .describe(
        'PostgreSQL only: address that leads to the server itself, where `url` leads to a PgBouncer in transaction mode: for what needs a session (LISTEN).',
      ),
    condition_url: z
      .string()
      .optional()
      .describe(
        'Address with a login that can SELECT and nothing else: conditions of schedules run with it. The embedded database makes one by itself.',
      ),
    allow_unsafe_conditions: z
      .boolean()
      .prefault(false)
      .describe(
        'Without `condition_url`: run conditions with the login of `url`. Whoever may write into `jobs` can then do whatever it may do.',
      ),
    schema: z
      .string()
      .regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/)
      .meta({
        expects:
          'a name of at most 63 lower-case letters, digits and underscores, not beginning with a digit or pg_',
        term: 'name',
      })
      .prefault('public')
      .describe(
        'Schema that holds the tables. `migrate` makes it where it is missing. On MySQL a database, and left out that of `url`.',
      ),
    pool_size: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe(
        "Connections for the handlers' transactions. Left out: one for each worker, and 2. Claims, leases and ingestion have their own and do not wait for these.",
      ),
    tls: tlsSchema
      .prefault(false)
      .describe(
        '`true`: encrypt, and check the certificate. An object: the same with these certificates. `false`: as `sslmode` in `url` says; on MySQL, do not encrypt.',
      ),
    migrate: z.boolean().prefault(true).describe('Apply migrations at start.'),
    data_dir: z
      .string()
      .min(1)
      .meta({ expects: 'a path' })
      .prefault('data/postgresql')
      .describe('Embedded only: folder of the data, relative to this file.'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe(
        'Embedded only: also listen on 127.0.0.1 at this port, with a password. 0: any free port. Left out: a socket alone.',
      ),
    notify: z
      .boolean()
      .prefault(true)
      .describe(
        'Listen for rows that other programs insert, so that they start within milliseconds. `false`, and on MySQL always: they wait for `jobs.poll_interval`.',
      ),
  })
  .prefault({})
  .describe('Where the jobs are kept.')

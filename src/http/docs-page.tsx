import type { Child } from 'hono/jsx';
import type { JsonSchema, Operation } from './openapi.js';

/** Nothing but its own style sheet. */
export const DOCS_SECURITY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const DOCS_STYLE = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
section { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: 0.5rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; padding: 0.75rem; background: color-mix(in srgb, currentColor 8%, transparent); }
`;

/** The description of the API for people, made from the same operations as the document for machines. */
export function DocsPage({ operations }: { readonly operations: readonly Operation[] }) {
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>API · intercom-engagement</title>
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        <h1>API</h1>
        <p>
          Send one of the API tokens as <code>Authorization: Bearer …</code>. Instants are Unix seconds, dates
          are <code>YYYY-MM-DD</code> in the report time zone. Errors are RFC 9457 problems that name every
          wrong field. For machines: <a href="/openapi.json">OpenAPI 3.1</a>.
        </p>
        <nav aria-label="Contents">
          <ul>
            {operations.map(({ id, method, path, summary }) => (
              <li>
                <a href={`#${id}`}>
                  <code>
                    {method.toUpperCase()} {path}
                  </code>
                </a>{' '}
                {summary}
              </li>
            ))}
          </ul>
        </nav>
        <main>
          {tags.map((tag) => (
            <>
              <h2>{tag}</h2>
              {operations
                .filter((operation) => operation.tag === tag)
                .map((operation) => (
                  <OperationSection operation={operation} />
                ))}
            </>
          ))}
        </main>
      </body>
    </html>
  );
}

function OperationSection({ operation }: { readonly operation: Operation }) {
  const { id, method, path, summary, description, parameters = [], body, answers } = operation;
  const inBody = Object.values(body ?? {}).flatMap((schema) => propertiesOf(schema));
  const inAddress = parameters.map(({ name, required, description: meaning, schema }) => ({
    name: required ? `${name} (required)` : name,
    schema,
    meaning,
  }));
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>
        <code>
          {method.toUpperCase()} {path}
        </code>
      </h3>
      <p>
        {summary}. {description}
      </p>
      <Fields title="Parameters" fields={inAddress} />
      <Fields title="Fields of the JSON body" fields={inBody} />
      <ul>
        {Object.entries(answers).map(([status, answer]) => (
          <li>
            <code>{status}</code> {answer.description}
            {Object.entries(answer.content ?? {}).map(([type, schema]) => (
              <Shape type={type} schema={schema} />
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Field {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly meaning: string | undefined;
}

function Fields({ title, fields }: { readonly title: string; readonly fields: readonly Field[] }): Child {
  if (fields.length === 0) return null;
  return (
    <div class="scroll" tabindex={0} role="group" aria-label={title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col">Values</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ name, schema, meaning }) => (
            <tr>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>{valuesOf(schema)}</td>
              <td>{meaning ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The whole schema, folded away; errors have all the same. */
function Shape({ type, schema }: { readonly type: string; readonly schema: JsonSchema }): Child {
  if (type !== 'application/json') return ` · ${type}`;
  return (
    <details>
      <summary>{type}</summary>
      <pre tabindex={0}>
        <code>{JSON.stringify(schema, null, 2)}</code>
      </pre>
    </details>
  );
}

function propertiesOf(schema: JsonSchema): Field[] {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  return Object.entries(properties).flatMap(([name, property]) => {
    if (!isSchema(property)) return [];
    const { description } = property;
    return [{ name, schema: property, meaning: typeof description === 'string' ? description : undefined }];
  });
}

/** "whole number from 1 to 365, default 365". */
function valuesOf(schema: JsonSchema): string {
  const { anyOf, enum: names, type, format, pattern, minimum, maximum, items } = schema;
  const standard = 'default' in schema ? `, default ${JSON.stringify(schema['default'])}` : '';
  if (Array.isArray(anyOf) && isSchema(anyOf[0])) return `${valuesOf(anyOf[0])}; one or a list`;
  if (isSchema(items)) return `${valuesOf(items)}; may repeat`;
  if (Array.isArray(names)) return names.map(String).join(', ') + standard;
  if (type === 'integer') return `whole number from ${String(minimum)} to ${String(maximum)}${standard}`;
  if (format === 'date') return `date YYYY-MM-DD${standard}`;
  if (typeof pattern === 'string') return `text like ${pattern}${standard}`;
  if (type === 'boolean') return `true or false${standard}`;
  return `${typeof type === 'string' ? type.replace('string', 'text') : ''}${standard}`;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

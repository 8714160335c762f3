import { Hono } from 'hono';
import { DOCS_SECURITY, DOCS_STYLE, DocsPage } from './docs-page.js';
import { describeApi, type Operation } from './openapi.js';

/** `/openapi.json` for machines and `/docs` for people, both made from the same operations. */
export function createOpenApiRoutes(operations: readonly Operation[]): Hono {
  const document = describeApi(operations);
  const routes = new Hono();
  routes.get('/openapi.json', (context) => context.json(document));
  routes.get('/docs', async (context) => {
    const page: string | Promise<string> = <DocsPage operations={operations} />;
    context.header('content-security-policy', DOCS_SECURITY);
    return context.html(`<!doctype html>${await page}`);
  });
  routes.get('/docs/style.css', (context) =>
    context.body(DOCS_STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
  return routes;
}

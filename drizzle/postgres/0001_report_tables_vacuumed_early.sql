-- Reports count along indexes alone, which takes pages that VACUUM has seen since they were written. By default that comes
-- after a fifth of a table has changed; here after one in two hundred rows.
ALTER TABLE "conversations" SET (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02);
--> statement-breakpoint
ALTER TABLE "reported_members" SET (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02);

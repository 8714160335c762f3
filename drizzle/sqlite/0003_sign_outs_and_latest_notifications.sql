CREATE TABLE `ended_sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ended_sessions_expires` ON `ended_sessions` (`expires_at`);--> statement-breakpoint
CREATE INDEX `inbox_own` ON `inbox` (`received_at_ms`) WHERE origin <> 'webhook';
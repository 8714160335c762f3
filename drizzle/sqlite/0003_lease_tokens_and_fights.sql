CREATE TABLE `fights` (
	`contact_id` text NOT NULL,
	`attribute` text NOT NULL,
	`reversals` integer NOT NULL,
	`since_ms` integer NOT NULL,
	`until_ms` integer NOT NULL,
	`last_write_id` integer NOT NULL,
	PRIMARY KEY(`contact_id`, `attribute`)
);
--> statement-breakpoint
CREATE INDEX `fights_until` ON `fights` (`until_ms`);--> statement-breakpoint
ALTER TABLE `inbox` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `outbox` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `runs` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `writes` ADD `not_before_ms` integer DEFAULT 0 NOT NULL;
CREATE TABLE `parked_objects` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	`field` text NOT NULL,
	`contact_id` text,
	`attempts` integer NOT NULL,
	`parked_at_ms` integer NOT NULL,
	`due_at_ms` integer NOT NULL,
	`run_id` text,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
CREATE INDEX `parked_objects_contact` ON `parked_objects` (`contact_id`);--> statement-breakpoint
CREATE INDEX `parked_objects_due` ON `parked_objects` (`due_at_ms`);--> statement-breakpoint
CREATE TABLE `sweep_counted` (
	`phase` text NOT NULL,
	`entry` text NOT NULL,
	PRIMARY KEY(`phase`, `entry`)
);
--> statement-breakpoint
CREATE TABLE `ended_sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ended_sessions_expires` ON `ended_sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `erasing` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
CREATE TABLE `person_marks` (
	`mark` text NOT NULL,
	`contact_id` text NOT NULL,
	PRIMARY KEY(`mark`, `contact_id`)
);
--> statement-breakpoint
CREATE INDEX `person_marks_contact` ON `person_marks` (`contact_id`);--> statement-breakpoint
CREATE TABLE `webhook_hours` (
	`hour_at` integer NOT NULL,
	`result` text NOT NULL,
	`count` integer NOT NULL,
	`last_at_ms` integer,
	`longest_pause_ms` integer,
	PRIMARY KEY(`hour_at`, `result`)
);
--> statement-breakpoint
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
DROP INDEX `inbox_waiting`;--> statement-breakpoint
ALTER TABLE `inbox` ADD `content_hash` text;--> statement-breakpoint
ALTER TABLE `inbox` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `inbox` ADD `waits_for_intercom` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `inbox_own` ON `inbox` (`received_at_ms`) WHERE origin <> 'webhook';--> statement-breakpoint
CREATE INDEX `inbox_waiting` ON `inbox` (`origin`,`waits_for_intercom`,`due_at_ms`,`id`) WHERE status = 'waiting';--> statement-breakpoint
ALTER TABLE `contacts` ADD `unreadable` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `conversations` ADD `has_wrong_close_time` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `outbox` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `outbox_parked` ON `outbox` (`parked_at_ms`,`contact_id`) WHERE state = 'parked';--> statement-breakpoint
ALTER TABLE `runs` ADD `lease_token` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `writes` ADD `not_before_ms` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `writes` ADD `parked_at_ms` integer;--> statement-breakpoint
ALTER TABLE `writes` ADD `is_replayed` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `writes_parked` ON `writes` (`parked_at_ms`) WHERE outcome = 'waiting' and parked_at_ms is not null;
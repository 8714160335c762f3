CREATE TABLE `drift` (
	`run_id` text NOT NULL,
	`contact_id` text NOT NULL,
	`attribute` text NOT NULL,
	`before` text,
	`after` text,
	`why` text NOT NULL,
	PRIMARY KEY(`run_id`, `contact_id`, `attribute`),
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `drift_contact` ON `drift` (`contact_id`);--> statement-breakpoint
CREATE TABLE `sweep_found` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	`contact_id` text NOT NULL,
	`former_contact_id` text,
	`updated_at` integer,
	`change` text NOT NULL,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
CREATE INDEX `sweep_found_contact` ON `sweep_found` (`contact_id`);--> statement-breakpoint
CREATE INDEX `sweep_found_former` ON `sweep_found` (`former_contact_id`);--> statement-breakpoint
CREATE TABLE `sweep_seen` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
DROP INDEX `inbox_waiting`;--> statement-breakpoint
CREATE INDEX `inbox_payloads` ON `inbox` (`received_at_ms`) WHERE body is not null;--> statement-breakpoint
CREATE INDEX `inbox_waiting` ON `inbox` (`origin`,`due_at_ms`,`id`) WHERE status = 'waiting';--> statement-breakpoint
DROP INDEX `runs_unfinished`;--> statement-breakpoint
ALTER TABLE `runs` ADD `result` text;--> statement-breakpoint
CREATE INDEX `runs_started` ON `runs` (`started_at_ms`);--> statement-breakpoint
CREATE UNIQUE INDEX `runs_unfinished` ON `runs` (`status`) WHERE status = 'running';--> statement-breakpoint
ALTER TABLE `members` ADD `synced_at_ms` integer;--> statement-breakpoint
ALTER TABLE `reported_members` ADD `first_name` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `reported_members` ADD `last_name` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX `conversations_updated` ON `conversations` (`updated_at`);--> statement-breakpoint
CREATE INDEX `writes_cause` ON `writes` (`cause_ref`,`cause_kind`);
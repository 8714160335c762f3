CREATE TABLE `coaches` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text,
	`email` text
);
--> statement-breakpoint
CREATE TABLE `contacts` (
	`id` text PRIMARY KEY NOT NULL,
	`role` text NOT NULL,
	`external_id` text,
	`name` text,
	`email` text,
	`created_at` integer,
	`updated_at` integer NOT NULL,
	`seen_at_ms` integer NOT NULL,
	`was_read` integer NOT NULL,
	`attributes` text NOT NULL,
	`enrolled_on` text,
	`registered_on` text,
	`birth_on` text,
	`employer` text,
	`referral` text,
	`registration_code` text,
	`kept_forms` text NOT NULL,
	`own_first_session_at` integer
);
--> statement-breakpoint
CREATE INDEX `contacts_external_id` ON `contacts` (`external_id`);--> statement-breakpoint
CREATE TABLE `conversations` (
	`id` text PRIMARY KEY NOT NULL,
	`contact_id` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`seen_at_ms` integer NOT NULL,
	`was_read` integer NOT NULL,
	`state` text NOT NULL,
	`channel` text,
	`service_code` text,
	`coach_id` text,
	`last_close_at` integer,
	`channel_name` text,
	`service_code_name` text,
	`session_at` integer,
	`is_coaching_session` integer NOT NULL,
	`is_qualifying_call` integer NOT NULL,
	`is_billable` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `conversations_contact` ON `conversations` (`contact_id`);--> statement-breakpoint
CREATE TABLE `inbox` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`origin` text NOT NULL,
	`dedupe_key` text NOT NULL,
	`topic` text,
	`subject_kind` text,
	`subject_id` text,
	`lane` text,
	`created_at` integer,
	`received_at_ms` integer NOT NULL,
	`body` blob,
	`status` text NOT NULL,
	`due_at_ms` integer NOT NULL,
	`lease_owner` text,
	`leased_at_ms` integer,
	`lease_until_ms` integer,
	`attempts` integer NOT NULL,
	`reason` text,
	`settled_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `inbox_dedupe_key` ON `inbox` (`dedupe_key`);--> statement-breakpoint
CREATE INDEX `inbox_waiting` ON `inbox` (`due_at_ms`,`id`) WHERE status = 'waiting';--> statement-breakpoint
CREATE INDEX `inbox_leased` ON `inbox` (`lane`,`lease_until_ms`) WHERE lease_owner is not null;--> statement-breakpoint
CREATE INDEX `inbox_parked` ON `inbox` (`settled_at_ms`) WHERE status = 'parked';--> statement-breakpoint
CREATE INDEX `inbox_lane` ON `inbox` (`lane`,`status`);--> statement-breakpoint
CREATE INDEX `inbox_subject` ON `inbox` (`subject_id`,`subject_kind`) WHERE body is not null;--> statement-breakpoint
CREATE TABLE `lifecycles` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	`state` text NOT NULL,
	`at` integer NOT NULL,
	`merged_into_id` text,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
CREATE INDEX `lifecycles_merged_into` ON `lifecycles` (`merged_into_id`) WHERE merged_into_id is not null;--> statement-breakpoint
CREATE TABLE `members` (
	`contact_id` text PRIMARY KEY NOT NULL,
	`status` text,
	`next_change_at` integer,
	`next_change_on` text,
	`next_change_to` text,
	`last_qualifying_at` integer,
	`evidence` text NOT NULL,
	`near_misses` text NOT NULL,
	`warnings` text NOT NULL,
	`decided_at_ms` integer,
	FOREIGN KEY (`contact_id`) REFERENCES `contacts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `members_next_change` ON `members` (`next_change_at`) WHERE next_change_at is not null;--> statement-breakpoint
CREATE TABLE `meta` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `outbox` (
	`contact_id` text PRIMARY KEY NOT NULL,
	`rank` integer NOT NULL,
	`state` text NOT NULL,
	`due_at_ms` integer NOT NULL,
	`lease_owner` text,
	`leased_at_ms` integer,
	`lease_until_ms` integer,
	`attempts` integer NOT NULL,
	`outcome_unknown` integer NOT NULL,
	`reason` text,
	`parked_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `outbox_ready` ON `outbox` (`rank`,`due_at_ms`) WHERE state = 'ready';--> statement-breakpoint
CREATE INDEX `outbox_leased` ON `outbox` (`lease_until_ms`) WHERE lease_owner is not null;--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`job` text NOT NULL,
	`status` text NOT NULL,
	`params` text NOT NULL,
	`lease_owner` text,
	`lease_until_ms` integer,
	`started_at_ms` integer NOT NULL,
	`finished_at_ms` integer,
	`checkpoint` text,
	`progress` text NOT NULL,
	`reason` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `runs_unfinished` ON `runs` (`job`) WHERE status = 'running';--> statement-breakpoint
CREATE INDEX `runs_job` ON `runs` (`job`,`started_at_ms`);--> statement-breakpoint
CREATE TABLE `writes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`contact_id` text,
	`attribute` text NOT NULL,
	`before` text,
	`after` text,
	`cause_kind` text NOT NULL,
	`cause_ref` text,
	`outcome` text NOT NULL,
	`reason` text,
	`attempts` integer NOT NULL,
	`queued_at_ms` integer NOT NULL,
	`settled_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `writes_waiting` ON `writes` (`contact_id`,`attribute`) WHERE outcome = 'waiting';--> statement-breakpoint
CREATE INDEX `writes_contact` ON `writes` (`contact_id`,`id`);
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
CREATE INDEX `outbox_parked` ON `outbox` (`parked_at_ms`,`contact_id`) WHERE state = 'parked';
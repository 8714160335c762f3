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

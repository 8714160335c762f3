DROP INDEX `inbox_waiting`;--> statement-breakpoint
ALTER TABLE `inbox` ADD `waits_for_intercom` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `inbox_waiting` ON `inbox` (`origin`,`waits_for_intercom`,`due_at_ms`,`id`) WHERE status = 'waiting';--> statement-breakpoint
ALTER TABLE `writes` ADD `parked_at_ms` integer;--> statement-breakpoint
ALTER TABLE `writes` ADD `is_replayed` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `writes_parked` ON `writes` (`parked_at_ms`) WHERE outcome = 'waiting' and parked_at_ms is not null;
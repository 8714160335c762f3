CREATE TABLE `payloads` (
	`inbox_id` integer PRIMARY KEY NOT NULL,
	`body` blob NOT NULL,
	`size` integer NOT NULL,
	FOREIGN KEY (`inbox_id`) REFERENCES `inbox`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
DROP INDEX `inbox_subject`;--> statement-breakpoint
DROP INDEX `inbox_payloads`;--> statement-breakpoint
ALTER TABLE `inbox` ADD `has_payload` integer DEFAULT false NOT NULL;--> statement-breakpoint
INSERT INTO `payloads` SELECT `id`, `body`, length(`body`) FROM `inbox` WHERE `body` IS NOT NULL;--> statement-breakpoint
UPDATE `inbox` SET `has_payload` = 1 WHERE `body` IS NOT NULL;--> statement-breakpoint
CREATE INDEX `inbox_subject` ON `inbox` (`subject_id`,`subject_kind`) WHERE has_payload = 1;--> statement-breakpoint
CREATE INDEX `inbox_payloads` ON `inbox` (`received_at_ms`) WHERE has_payload = 1;
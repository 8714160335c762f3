ALTER TABLE `inbox` DROP COLUMN `body`;--> statement-breakpoint
ALTER TABLE `inbox` DROP COLUMN `content_hash`;